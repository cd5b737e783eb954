// A fault in the page itself is said in words, in place of an empty page.
import { Component, type ReactNode } from 'react';
import { MessagePage } from './message-page';

export class SafetyNet extends Component<{ children: ReactNode }, { fallen: boolean }> {
  override state = { fallen: false };

  static getDerivedStateFromError(): { fallen: boolean } {
    return { fallen: true };
  }

  override render(): ReactNode {
    if (!this.state.fallen) return this.props.children;
    return (
      <MessagePage title="This page has a fault" text="It is not yours. Load the page anew; your call is still there." action={{ label: 'Load anew', onPress: () => location.reload() }} />
    );
  }
}
