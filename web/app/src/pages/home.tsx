// The start: begin a call, join one, plan one, and find one's own.
import { useEffect, useState } from 'react';
import { Button, Icon } from '@thalweg/react';
import { Contours } from '../parts/contours';
import { JoinForm } from '../parts/join-form';
import { MyCalls } from '../parts/my-calls';
import { ScheduleDialog } from '../parts/schedule-dialog';
import { StartCards } from '../parts/start-cards';
import { Top } from '../parts/top';
import type { Session } from '../session';

export function Home({ session }: { session: Session | undefined }) {
  const [planning, setPlanning] = useState(false);
  const [planned, setPlanned] = useState(0);
  useEffect(() => {
    document.title = 'Thalweg';
  }, []);
  return (
    <>
      <Top home={false} />
      <main className="home">
        <Contours />
        <section className="home-start" aria-labelledby="home-title">
          <h1 id="home-title">Where shall we talk?</h1>
          <StartCards session={session} />
          <JoinForm />
        </section>
        <section className="home-calls" aria-labelledby="calls-title">
          <header>
            <h2 id="calls-title">Your calls</h2>
            <Button size="small" disabled={!session || session.way === 'guest'} onClick={() => setPlanning(true)}>
              <Icon name="calendar" />
              Schedule
            </Button>
          </header>
          <MyCalls session={session} turn={planned} />
        </section>
      </main>
      {planning && session && (
        <ScheduleDialog
          session={session}
          onClose={() => {
            setPlanning(false);
            setPlanned(planned + 1);
          }}
        />
      )}
    </>
  );
}
