import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';

/** The faults of a chat. `deliver` takes the frame for one member and returns the frames to send. */
export interface Defects {
  /** `count`: of all deliveries so far. */
  readonly deliver?: (frame: string, member: ChatMember, count: number) => readonly string[];
  /** The members who get a message beside those of its room. */
  readonly alsoTo?: (room: string, members: readonly ChatMember[], seq: number) => readonly ChatMember[];
  readonly alsoListed?: readonly string[];
  readonly delayMs?: number;
  /** The answer to the say of that number, counted from 1. */
  readonly answer?: (answer: object, count: number) => object;
  /** What a client is told when it joins; `resume` as the client sent it. */
  readonly joined?: (joined: object, resume: unknown) => object;
  /** After the say of that number. */
  readonly afterSay?: (chat: DefectiveChat, count: number) => void;
}

export interface ChatMember {
  readonly socket: WebSocket;
  readonly name: string;
  readonly room: string;
  /** Each driver process has addresses in one of its own. */
  readonly network: string;
}

export interface DefectiveChat {
  readonly url: string;
  readonly members: readonly ChatMember[];
  /** Forgets all messages and begins to number anew, as if the store came back empty. Ends all connections. */
  beginEpoch(): void;
  close(): Promise<void>;
}

/** A chat of one process that speaks as much of the protocol as a load run needs, and is wrong as it is told. */
export async function openDefectiveChat(defects: Defects = {}): Promise<DefectiveChat> {
  const members: ChatMember[] = [];
  const tops = new Map<string, number>();
  let delivered = 0;
  let said = 0;
  let epoch = 'e0';

  const http = createServer((_request, response) => response.end('0{"sid":"none","upgrades":[]}'));
  const sockets = new WebSocketServer({ server: http });

  function send(member: ChatMember, frame: string): void {
    delivered += 1;
    const frames = defects.deliver?.(frame, member, delivered) ?? [frame];
    const put = () => {
      for (const each of frames) member.socket.send(each);
    };
    if (defects.delayMs === undefined) put();
    else setTimeout(put, defects.delayMs);
  }

  function say({ room, name, socket }: ChatMember, id: string, payload: { text: string }): void {
    const seq = (tops.get(room) ?? 0) + 1;
    tops.set(room, seq);
    const data = { username: name, userId: name, text: payload.text };
    const frame = `42${JSON.stringify(['message', { seq, epoch, event: 'broadcast_say', roomid: room, data }])}`;
    const others = defects.alsoTo?.(room, members, seq) ?? [];
    for (const member of [...members.filter((each) => each.room === room), ...others]) send(member, frame);
    said += 1;
    const answer = { ok: true, roomid: room, epoch, seq, id: 'i', at: 0 };
    socket.send(`43${id}${JSON.stringify([defects.answer?.(answer, said) ?? answer])}`);
    defects.afterSay?.(chat, said);
  }

  function joinedBy({ room }: ChatMember, resume: { epoch: string; seq: number } | undefined): object {
    const seq = tops.get(room) ?? 0;
    const recovered = resume?.epoch === epoch && resume.seq === seq;
    const joined = { roomid: room, epoch, seq, messages: [], ...(resume && { recovered }) };
    return defects.joined?.(joined, resume) ?? joined;
  }

  function list(socket: WebSocket, id: string, roomid: string): void {
    const names = [
      ...members.filter(({ room }) => room === roomid).map(({ name }) => name),
      ...(defects.alsoListed ?? []),
    ];
    const listed = names.map((userId) => ({ userId, username: userId, clients: 1 }));
    socket.send(`43${id}${JSON.stringify([{ ok: true, rev: 1, members: listed }])}`);
  }

  sockets.on('connection', (socket, { url, socket: { remoteAddress = '' } }) => {
    const query = new URL(url ?? '', 'http://chat').searchParams;
    const member: ChatMember = {
      socket,
      name: query.get('username') ?? '',
      room: query.get('roomid') ?? '',
      network: remoteAddress.split('.').slice(0, 3).join('.'),
    };
    socket.on('close', () => members.splice(members.indexOf(member), 1));
    socket.on('error', () => undefined);
    socket.on('message', (raw) => {
      const text = String(raw);
      if (text.startsWith('40')) {
        members.push(member);
        socket.send(`42["hello",{"worker":0}]`);
        const { resume } = JSON.parse(text.slice(2) || '{}');
        socket.send(`42${JSON.stringify(['joined', joinedBy(member, resume)])}`);
        return;
      }
      const [, id = '', body = ''] = /^42(\d+)(\[.*)$/s.exec(text) ?? [];
      const [event, payload] = JSON.parse(body);
      if (event === 'say') say(member, id, payload);
      else list(socket, id, payload.roomid);
    });
    socket.send('0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000}');
  });
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  const chat: DefectiveChat = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    members,
    beginEpoch() {
      epoch = `e${Number(epoch.slice(1)) + 1}`;
      tops.clear();
      for (const { socket } of members) socket.close();
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
  return chat;
}
