// A page as an app would write it with LiveKit's React components: a room as soon as there is a token, and buttons for one's own.
import '@livekit/components-styles';
import { LiveKitRoom, VideoConference, useRoomContext } from '@livekit/components-react';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';

/** What went wrong, for whoever drives the page. */
window.errors = [];

function Page() {
  const [pass, setPass] = useState(null);
  window.enter = setPass;
  if (!pass) return <button>Go live with camera</button>;
  return (
    <LiveKitRoom
      token={pass.token}
      serverUrl={pass.url}
      connect={true}
      video={pass.publishes && { facingMode: 'user' }}
      audio={pass.publishes}
      data-lk-theme="default"
      onError={(error) => window.errors.push(String(error))}
      onDisconnected={() => setPass(null)}
    >
      <VideoConference />
      <Buttons />
    </LiveKitRoom>
  );
}

function Buttons() {
  const { localParticipant } = useRoomContext();
  const enable = async (on) => {
    await localParticipant.setCameraEnabled(on);
    await localParticipant.setMicrophoneEnabled(on);
  };
  return (
    <>
      <button id="start" onClick={() => enable(true)}>Start camera</button>
      <button id="stop" onClick={() => enable(false)}>Stop camera</button>
    </>
  );
}

createRoot(document.querySelector('main')).render(<Page />);
