// The pages of calls, drawn.
import '@thalweg/react/style.css';
import './style/page.css';
import './style/home.css';
import './style/call.css';
import { createRoot } from 'react-dom/client';
import { App } from './app';

createRoot(document.getElementById('app') as HTMLElement).render(<App />);
