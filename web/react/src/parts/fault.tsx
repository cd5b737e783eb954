// What went wrong and what to do, with a way to try again.
import { Icon } from '../icon.js';
import { Button } from './button.js';

export interface FaultProps {
  title: string;
  advice?: string | undefined;
  onRetry?: (() => void) | undefined;
}

export function FaultNote({ title, advice, onRetry }: FaultProps) {
  return (
    <div className="th-fault" role="alert">
      <Icon name="warn" />
      <p>
        <strong>{title}.</strong> {advice}
      </p>
      {onRetry && (
        <Button look="link" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
