// A component as tutorials have it, unchanged but for its name: it runs on the two hooks beside.
import { useEffect, useState } from 'react';
import { useLiveComments } from './useLiveComments.js';
import { WS_STATUS } from './useWebSocket.js';

export function LiveCommentsViewerCount({ postId }) {
  const { viewerCount, connectionStatus } = useLiveComments(postId);

  // The last known count stays during reconnection.
  const [displayCount, setDisplayCount] = useState(0);

  useEffect(() => {
    if (connectionStatus === WS_STATUS.OPEN) setDisplayCount(viewerCount);
  }, [viewerCount, connectionStatus]);

  if (displayCount <= 1) return <p id="rooms">Nobody else.</p>;
  return (
    <p id="rooms">
      {displayCount} people viewing
      {connectionStatus === WS_STATUS.RECONNECTING && <span className="hint"> (reconnecting…)</span>}
    </p>
  );
}
