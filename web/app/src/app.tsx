// From the address and the session to a page.
import { lazy, Suspense, useEffect, useState } from 'react';
import { Notices, ThalwegProvider } from '@thalweg/react';
import { Loading } from './parts/loading';
import { MessagePage } from './parts/message-page';
import { SafetyNet } from './parts/safety-net';
import { Home } from './pages/home';
import { SignIn } from './pages/sign-in';
import { go, useRoute, type Route } from './route';
import { openSession, type Session, type Shut } from './session';

const CallPage = lazy(() => import('./pages/call'));

export function App() {
  const route = useRoute();
  const [session, setSession] = useState<Session | Shut>();
  const open = (): void => {
    setSession(undefined);
    void openSession().then(setSession);
  };
  useEffect(open, []);
  return (
    <Notices>
      <div className="th app">
        <SafetyNet>
          <Suspense fallback={<Loading text="Opening the call…" />}>
            <Page route={route} session={session} onRetry={open} />
          </Suspense>
        </SafetyNet>
      </div>
    </Notices>
  );
}

function Page({ route, session, onRetry }: { route: Route; session: Session | Shut | undefined; onRetry: () => void }) {
  if (route.page === 'nowhere') return <Nowhere />;
  if (typeof session === 'string') return <SignIn shut={session} onRetry={onRetry} />;
  if (route.page === 'home') return <Home session={session} />;
  if (!session) return <Loading text="Opening the call…" />;
  return (
    <ThalwegProvider client={session.client}>
      <CallPage key={`${route.kind}/${route.id}`} session={session} kind={route.kind} id={route.id} />
    </ThalwegProvider>
  );
}

function Nowhere() {
  return (
    <MessagePage title="There is no such page" text="The address may have lost a letter on its way. Check the link, or ask for a new one." action={{ label: 'To the start page', onPress: () => go('/') }} />
  );
}
