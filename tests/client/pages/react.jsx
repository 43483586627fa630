// SPDX-License-Identifier: MIT
//
// react.jsx - what react_test.mjs shows. The page's `#count` is the root; `data-server` names the
// server and `data-app` one of the apps below. `window.act` is how the test changes something.
import { Profiler, StrictMode, useState } from 'react';
import { createRoot, hydrateRoot } from 'react-dom/client';
import {
  LiveCountProvider,
  ReliableViewerCount,
  ViewerCount,
  createClient,
  politely,
  useLiveCount,
  useLiveCountStatus,
  usePresence,
} from 'rollcall-client/react';

const root = document.querySelector('#count');
const client = createClient({ url: root.dataset.server, maxStale: 60_000 });
window.client = client;
window.renders = 0;

function Two() {
  const { count, others, status } = useLiveCount('article:1');
  const [second, setSecond] = useState(true);
  const [topic, setTopic] = useState('article:1');
  window.act = { setSecond, setTopic };
  return (
    <Profiler id="two" onRender={() => window.renders++}>
      <p>
        {second && <ViewerCount topic={topic} min={1} hideDelay={0} />}, {String(count)},{' '}
        {String(others)}, {status}
      </p>
    </Profiler>
  );
}

function Route() {
  const [path, setPath] = useState('text');
  window.act = setPath;
  return path === 'nowhere' ? null : (
    <main key={path}>
      <ViewerCount topic="article:1" min={1} />
    </main>
  );
}

function Reliable() {
  return <ReliableViewerCount topic="article:1" className="quiet" pendingDelay={1000} />;
}

function Who() {
  const [typing, setTyping] = useState(false);
  const { people, count } = usePresence('page:who', { meta: { name: root.dataset.name, typing } });
  const status = useLiveCountStatus();
  window.act = setTyping;
  const names = people.map(
    ({ metas: [{ name, typing }], self }) => `${name}${self ? ' (you)' : ''}${typing ? ' is typing' : ''}`,
  );
  return `${count} ${status}: ${names.sort().join(', ')}`;
}

function Announced() {
  return <ViewerCount topic="article:1" min={1} announce={politely} keepSpace as="p" />;
}

function Many() {
  const [n, setN] = useState(0);
  window.act = setN;
  return Array.from({ length: n }, (_, i) => (
    <ViewerCount key={i} topic={`article:${i % 3}`} min={1} hint announce={politely} />
  ));
}

function Own() {
  return (
    <ViewerCount topic="article:1" min={1} of="viewers">
      {({ count, pending }) => <b>{`${count} tabs${pending ? '?' : ''}`}</b>}
    </ViewerCount>
  );
}

export function Hydrated({ at = Date.now() }) {
  return <ViewerCount as="p" topic="article:1" initialCount={7} initialAt={at} />;
}

const apps = { Two, Route, Reliable, Who, Announced, Many, Own };
const app = root.dataset.app;

if (app === 'Hydrated') {
  window.recovered = [];
  hydrateRoot(
    root,
    <StrictMode>
      <LiveCountProvider client={client}>
        <Hydrated at={Number(root.dataset.at)} />
      </LiveCountProvider>
    </StrictMode>,
    { onRecoverableError: (error) => window.recovered.push(String(error)) },
  );
} else {
  const App = apps[app];
  createRoot(root).render(
    <StrictMode>
      <LiveCountProvider client={client}>
        <App />
      </LiveCountProvider>
    </StrictMode>,
  );
}
