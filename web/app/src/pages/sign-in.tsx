// When no door is open: why, and where to put a token.
import { useState, type FormEvent } from 'react';
import { Button } from '@thalweg/react';
import { MessagePage } from '../parts/message-page';
import { giveToken, type Shut } from '../session';

const REASONS: Record<Exclude<Shut, 'unreachable'>, { title: string; text: string }> = {
  'no-token': { title: 'You need an invitation', text: 'This server lets in whoever has a link or a token from the app that it belongs to. Open the link that you were sent, or paste the token here.' },
  expired: { title: 'Your invitation is over', text: 'The token in your link has ended. Ask for a new link, or paste a new token here.' },
};

export function SignIn({ shut, onRetry }: { shut: Shut; onRetry: () => void }) {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState(false);
  if (shut === 'unreachable') {
    return <MessagePage title="The server does not answer" text="Check that you are online. It may also be starting anew just now." action={{ label: 'Try again', onPress: onRetry }} />;
  }
  const enter = (event: FormEvent): void => {
    event.preventDefault();
    if (giveToken(text)) onRetry();
    else setWrong(true);
  };
  return (
    <MessagePage {...REASONS[shut]}>
      <form className="token" onSubmit={enter}>
        <label className="th-field">
          <span>Link or token</span>
          <textarea rows={3} required spellCheck={false} autoComplete="off" value={text} aria-invalid={wrong} aria-describedby="token-wrong" onChange={(event) => setText(event.target.value)} />
        </label>
        <p id="token-wrong" className="th-problem" role="alert">
          {wrong && 'That is no token of a user, or its time is over.'}
        </p>
        <Button type="submit" look="primary">
          Come in
        </Button>
      </form>
    </MessagePage>
  );
}
