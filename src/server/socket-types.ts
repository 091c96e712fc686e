import type { Namespace, Socket } from 'socket.io';
import type { ClientToServer, ServerToClient } from '../protocol/events.ts';

export type ClientSocket = Socket<ClientToServer, ServerToClient>;

export type ChatNamespace = Namespace<ClientToServer, ServerToClient>;
