import { render } from 'preact';
import { App } from './app';
import { start } from './state';
import './styles/theme.css';
import './styles/layout.css';
import './styles/header.css';
import './styles/table.css';
import './styles/overview.css';
import './styles/clients.css';
import './styles/calls.css';
import './styles/notices.css';
import './styles/collector.css';

const root = document.getElementById('app');
if (!root) throw new Error('index.html has no element with the id "app"');
render(<App />, root);
start();
