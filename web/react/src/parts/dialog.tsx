// A modal dialog: the browser's own, so that focus, Escape and what lies behind are as people know them.
import { useId, useLayoutEffect, useRef, type ReactNode } from 'react';
import { Icon } from '../icon.js';
import { Button } from './button.js';

/** A dialog is open while it is rendered. */
export interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  // Closed before it is taken away, so that the browser gives the focus back to what had it.
  useLayoutEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className="th-dialog"
      aria-labelledby={heading}
      onCancel={(event) => (event.preventDefault(), onClose())}
      onClick={(event) => event.target === dialog.current && onClose()}
    >
      <div className="th-dialog-body">
        <div className="th-dialog-head">
          <h2 id={heading}>{title}</h2>
          <Button look="plain" aria-label="Close" onClick={onClose}>
            <Icon name="close" />
          </Button>
        </div>
        {children}
      </div>
    </dialog>
  );
}
