// A WebSocket that reconnects, as a hook: for code that was written against such a hook and talks
// to the rooms protocol (/ws/posts/{id}/live). New code has more from rollcall-client/react.
import { useCallback, useEffect, useRef, useState } from 'react';

export const WS_STATUS = Object.freeze({
  CONNECTING: 'connecting',
  OPEN: 'open',
  RECONNECTING: 'reconnecting',
  CLOSED: 'closed',
});

const PING_MS = 25_000;
const REFUSED = 1008; // a bad token: coming back with the same one is of no use

// Full jitter: those who were cut off together do not return together.
const waitMs = (attempt) => 250 + Math.random() * Math.min(30_000, 1000 * 2 ** attempt);

/**
 * Keeps a connection to `url` (null: none). `onMessage` gets each parsed message; it may be another
 * function in each render. Gives `{status, send}`.
 */
export function useWebSocket(url, { onMessage } = {}) {
  const [status, setStatus] = useState(WS_STATUS.CONNECTING);
  const socketRef = useRef(null);
  const listener = useRef(onMessage);
  useEffect(() => {
    listener.current = onMessage;
  });

  useEffect(() => {
    if (!url) return undefined;
    let attempt = 0;
    let timer = 0;
    let ping = 0;
    let away = false;

    function open() {
      clearTimeout(timer);
      if (socketRef.current || away) return;
      const socket = new WebSocket(url);
      socketRef.current = socket;
      socket.onopen = () => {
        attempt = 0;
        setStatus(WS_STATUS.OPEN);
        ping = setInterval(() => send({ type: 'ping' }), PING_MS);
      };
      socket.onmessage = ({ data }) => listener.current?.(JSON.parse(data));
      socket.onclose = ({ code }) => {
        drop();
        setStatus(code === REFUSED ? WS_STATUS.CLOSED : WS_STATUS.RECONNECTING);
        if (code !== REFUSED) timer = setTimeout(open, waitMs(attempt++));
      };
    }
    function send(message) {
      if (socketRef.current?.readyState === WebSocket.OPEN)
        socketRef.current.send(JSON.stringify(message));
    }
    function drop() {
      const socket = socketRef.current;
      socketRef.current = null;
      clearInterval(ping);
      clearTimeout(timer);
      if (!socket) return;
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
    // A page that is kept for the back button keeps its socket, too, and would be counted there.
    function leave() {
      away = true;
      drop();
    }
    function comeBack() {
      away = false;
      open();
    }

    // The second effect of StrictMode comes before this timer, so it opens only one.
    timer = setTimeout(open);
    addEventListener('pagehide', leave);
    addEventListener('pageshow', comeBack);
    return () => {
      removeEventListener('pagehide', leave);
      removeEventListener('pageshow', comeBack);
      drop();
      setStatus(WS_STATUS.CONNECTING);
    };
  }, [url]);

  const send = useCallback((message) => {
    if (socketRef.current?.readyState === WebSocket.OPEN)
      socketRef.current.send(JSON.stringify(message));
  }, []);
  return { status, send };
}
