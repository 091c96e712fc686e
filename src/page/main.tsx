import './styles.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { createMemory } from './memory.ts';
import { openSession } from './session.ts';
import { endVisit, readArrival } from './visit.ts';

const memories = { browser: createMemory(() => localStorage), tab: createMemory(() => sessionStorage) };
const socketPath =
  document.querySelector<HTMLMetaElement>('meta[name="roomcast-socket-path"]')?.content || '/socket.io/';

const root = document.getElementById('app');
if (root) {
  render(
    <App
      arrival={readArrival(new URL(location.href), memories)}
      open={(visit) => openSession(visit, memories, socketPath)}
      leave={({ visit, connection }) => {
        connection.close();
        endVisit(memories);
        document.title = 'Roomcast';
        return visit;
      }}
    />,
    root,
  );
}
