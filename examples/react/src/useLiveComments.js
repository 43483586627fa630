// Who is at a post, from the rooms protocol: `{viewerCount, peopleCount, connectionStatus, send}`.
import { useEffect, useState } from 'react';
import { useWebSocket } from './useWebSocket.js';

const COUNTS = new Set(['room_joined', 'viewer_joined', 'viewer_left']);

// Two tabs are one person; rollcall-client keeps its id in the same place.
function visitor() {
  try {
    localStorage.rollcall ||= Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
      byte.toString(16).padStart(2, '0'),
    ).join('');
    return localStorage.rollcall;
  } catch {
    return '';
  }
}

function address(postId, token) {
  const url = new URL(`/ws/posts/${postId}/live`, location.href.replace(/^http/, 'ws'));
  if (token) url.searchParams.set('token', token);
  else if (visitor()) url.searchParams.set('visitor', visitor());
  return url.href;
}

export function useLiveComments(postId, { token } = {}) {
  const [counts, setCounts] = useState({ viewers: 0, people: 0 });
  const { status, send } = useWebSocket(postId == null ? null : address(postId, token), {
    onMessage: ({ type, viewers, people }) => COUNTS.has(type) && setCounts({ viewers, people }),
  });
  // Numbers belong to a post.
  useEffect(() => () => setCounts({ viewers: 0, people: 0 }), [postId]);
  return {
    viewerCount: counts.viewers,
    peopleCount: counts.people,
    connectionStatus: status,
    send,
  };
}
