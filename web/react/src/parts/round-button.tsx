// A round button of the bar at a call's foot.
import type { ReactNode } from 'react';
import { Icon, type IconName } from '../icon.js';

export interface RoundButtonProps {
  icon: IconName;
  /** What it is, for screen readers and as its hint. */
  label: string;
  onPress: () => void;
  /** Switched on or off; nothing for what is no switch. */
  pressed?: boolean | undefined;
  /** How it stands out: off in red, active in the accent, leaving in red and wide. */
  tone?: 'off' | 'active' | 'leave' | undefined;
  disabled?: boolean;
  /** A hint in place of the label. */
  title?: string;
  /** A number at its edge; none is shown for 0. */
  count?: number;
  children?: ReactNode;
  className?: string;
}

export function RoundButton({ icon, label, onPress, pressed, tone, disabled = false, title = label, count = 0, children, className = '' }: RoundButtonProps) {
  return (
    <button
      type="button"
      className={`th-round ${className}`}
      aria-label={count > 0 ? `${label}, ${count}` : label}
      aria-pressed={pressed}
      title={title}
      disabled={disabled}
      data-off={tone === 'off' || undefined}
      data-active={tone === 'active' || undefined}
      data-leave={tone === 'leave' || undefined}
      onClick={onPress}
    >
      {children}
      <Icon name={icon} />
      {count > 0 && <span className="th-count">{count > 99 ? '99+' : count}</span>}
    </button>
  );
}
