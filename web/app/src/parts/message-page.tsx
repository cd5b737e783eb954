// A page that only says something: a call that is over, an address that leads nowhere.
import { useEffect, type ReactNode } from 'react';
import { Button } from '@thalweg/react';
import { Contours } from './contours';
import { Top } from './top';

export interface MessageAction {
  label: string;
  onPress: () => void;
}

export interface MessagePageProps {
  title: string;
  text: ReactNode;
  action?: MessageAction | undefined;
  second?: MessageAction | undefined;
  children?: ReactNode;
}

export function MessagePage({ title, text, action, second, children }: MessagePageProps) {
  useEffect(() => {
    document.title = `${title} · Thalweg`;
  }, [title]);
  return (
    <>
      <Top />
      <main className="message">
        <Contours />
        <h1>{title}</h1>
        <div className="message-text" role="status">
          {text}
        </div>
        {children}
        <div className="th-row">
          {action && (
            <Button look="primary" onClick={action.onPress}>
              {action.label}
            </Button>
          )}
          {second && <Button onClick={second.onPress}>{second.label}</Button>}
        </div>
      </main>
    </>
  );
}
