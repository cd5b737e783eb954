// Dark or light: the system's choice until the person makes another, which is kept.
import { Button, Icon } from '@thalweg/react';
import { keep } from '../kept';

export function ThemeButton() {
  return (
    <Button look="plain" aria-label="Change between dark and light" title="Dark or light" onClick={toggle}>
      <Icon name="theme" />
    </Button>
  );
}

function toggle(): void {
  const { dataset } = document.documentElement;
  const dark = dataset.theme ? dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  dataset.theme = dark ? 'light' : 'dark';
  keep('theme', dataset.theme);
}
