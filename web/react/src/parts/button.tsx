// A button with the look of its weight.
import type { ButtonHTMLAttributes } from 'react';

/** How a button looks; the platform's own attributes pass through. */
export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: 'primary' | 'secondary' | 'danger' | 'plain' | 'link';
  size?: 'small' | 'medium' | 'large';
  /** Shows that it works, and takes no press meanwhile. */
  busy?: boolean;
}

export function Button({ look = 'secondary', size = 'medium', busy = false, className = '', children, disabled, ...rest }: ButtonProps) {
  return (
    <button type="button" {...rest} className={`th-button ${className}`} data-look={look} data-size={size} disabled={disabled || busy} aria-busy={busy || undefined}>
      {busy && <span className="th-spinner" aria-hidden="true" />}
      {children}
    </button>
  );
}
