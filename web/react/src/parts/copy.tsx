// A text to take away.
import { useState } from 'react';
import { Icon } from '../icon.js';
import { Button, type ButtonProps } from './button.js';

/** How long the button says that it was done, in milliseconds. */
const SAID_MS = 2000;

export interface CopyButtonProps extends Omit<ButtonProps, 'onClick'> {
  text: string;
  label: string;
  /** Shows only the drawing; the label is for screen readers then. */
  bare?: boolean;
}

export function CopyButton({ text, label, bare = false, ...rest }: CopyButtonProps) {
  const [copied, setCopied] = useState(false);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Pages without https have no clipboard; the text can at least be taken from here.
      window.prompt(label, text);
      return;
    }
    setCopied(true);
    setTimeout(() => setCopied(false), SAID_MS);
  };
  return (
    <Button {...rest} aria-label={bare ? label : undefined} title={label} onClick={() => void copy()}>
      <Icon name={copied ? 'check' : 'copy'} />
      {!bare && (copied ? 'Copied' : label)}
      <span className="th-hidden" role="status">
        {copied ? 'Copied' : ''}
      </span>
    </Button>
  );
}
