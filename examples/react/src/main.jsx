import { StrictMode, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { ReliableViewerCount, useLiveCount, usePresence, ViewerCount } from 'rollcall-client/react';
import { LiveCommentsViewerCount } from './ViewerCount.jsx';

// With a dot, as children.
function Dotted() {
  return (
    <ViewerCount topic="post:1" as="p">
      {({ count }) => (
        <span className="viewers">
          <span className="dot" aria-hidden="true" />
          {count} people viewing
        </span>
      )}
    </ViewerCount>
  );
}

function Others() {
  const { others, viewers, status } = useLiveCount('post:1');
  if (others === null) return <p>{status}…</p>;
  return (
    <p>
      You and {others} more, in {viewers} {viewers === 1 ? 'tab' : 'tabs'}.
    </p>
  );
}

function Who() {
  const [name, setName] = useState('');
  const [typing, setTyping] = useState(false);
  const { people } = usePresence('who', { meta: { name: name || 'Someone', typing } });
  return (
    <>
      <label>
        Your name{' '}
        <input
          value={name}
          maxLength={30}
          onFocus={() => setTyping(true)}
          onBlur={() => setTyping(false)}
          onChange={(event) => setName(event.target.value)}
        />
      </label>
      <ul>
        {people.map(({ key, self, metas }) => (
          <li key={key}>
            {String(metas[0].name)}
            {self && ' (you)'}
            {metas.some((meta) => meta.typing) && ' is typing…'}
          </li>
        ))}
      </ul>
    </>
  );
}

function App() {
  return (
    <>
      <h1>React</h1>
      <p>Open this page in a second browser, and stop the server for a while.</p>
      <h2>ReliableViewerCount</h2>
      <ReliableViewerCount topic="post:1" />
      <h2>ViewerCount, in one&rsquo;s own looks</h2>
      <Dotted />
      <h2>useLiveCount</h2>
      <Others />
      <h2>useLiveComments, on the rooms protocol</h2>
      <LiveCommentsViewerCount postId={1} />
      <h2>usePresence</h2>
      <Who />
    </>
  );
}

createRoot(document.querySelector('#root')).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
