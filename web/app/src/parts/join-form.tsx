// Join by a link that somebody sent, or by a call's name.
import { useState, type FormEvent } from 'react';
import { Button } from '@thalweg/react';
import { callPath, go, readInvitation } from '../route';

export function JoinForm() {
  const [text, setText] = useState('');
  const [wrong, setWrong] = useState(false);
  const join = (event: FormEvent): void => {
    event.preventDefault();
    const found = readInvitation(text);
    if (found) go(callPath(found.kind, found.id));
    else setWrong(true);
  };
  return (
    <form className="join" onSubmit={join} noValidate>
      <label className="th-field">
        <span>Join with a link or a name</span>
        <span className="join-line">
          <input
            name="invitation"
            value={text}
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            placeholder="duma-reki-sola"
            aria-invalid={wrong}
            aria-describedby="join-wrong"
            onChange={(event) => {
              setText(event.target.value);
              setWrong(false);
            }}
          />
          <Button type="submit" disabled={text.trim() === ''}>
            Join
          </Button>
        </span>
      </label>
      <p id="join-wrong" className="th-problem" role="alert">
        {wrong && 'That is no link to a call. Names hold letters, digits, and - _ . @ only.'}
      </p>
    </form>
  );
}
