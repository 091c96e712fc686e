/*
 * k6 over a plain WebSocket: people join a room and talk in it. k6 has no Socket.IO client, so the packets are written
 * here: `0` opens Engine.IO, `40` connects to the namespace, `42` is an event, `420[…]` one with ack 0, `430[…]` that
 * ack, and a `2` wants a `3`.
 *
 *   k6 run -e URL=ws://127.0.0.1:6001 -e ROOM=k6 --vus 50 --duration 30s test/load/k6.js
 *
 * It measures acks and deliveries. Whether each message reached everybody, once and in one order, `roomcast load` tells.
 */
import { check } from 'k6';
import { Counter, Trend } from 'k6/metrics';
import { clearInterval, setInterval, setTimeout } from 'k6/timers';
import { WebSocket } from 'k6/websockets';

const URL = __ENV.URL || 'ws://127.0.0.1:6001';
const ROOM = __ENV.ROOM || 'k6';
const SAY_EVERY_MS = Number(__ENV.SAY_EVERY_MS || 1000);
const STAY_MS = Number(__ENV.STAY_MS || 10000);

const ackTime = new Trend('roomcast_ack_time', true);
const deliveryTime = new Trend('roomcast_delivery_time', true);
const delivered = new Counter('roomcast_delivered');
const refused = new Counter('roomcast_refused');

export const options = {
  vus: 10,
  duration: '30s',
  thresholds: {
    checks: ['rate>0.99'],
    roomcast_ack_time: ['p(99)<1000'],
    roomcast_delivery_time: ['p(99)<1000'],
  },
};

export default function visit() {
  const socket = new WebSocket(`${URL}/socket.io/?EIO=4&transport=websocket`);
  const asked = new Map();
  let nextAck = 0;
  let talk;

  function ask(event, payload, answered) {
    asked.set(nextAck, { at: Date.now(), answered });
    socket.send(`42${nextAck}${JSON.stringify([event, payload])}`);
    nextAck += 1;
  }

  function say() {
    ask('say', { roomid: ROOM, text: `said at ${Date.now()} by ${__VU}` }, (answer, tookMs) => {
      if (answer.ok) ackTime.add(tookMs);
      else refused.add(1, { code: answer.error?.code });
      check(answer, { 'a message is stored': ({ ok }) => ok });
    });
  }

  function enter() {
    ask('join', { roomid: ROOM }, (answer) => {
      check(answer, { 'the room is joined': ({ ok }) => ok });
      talk = setInterval(say, SAY_EVERY_MS);
    });
  }

  function hear(packet) {
    if (packet === '2') return socket.send('3');
    if (packet.startsWith('0')) return socket.send('40');
    if (packet.startsWith('40')) return enter();
    if (packet.startsWith('43')) return takeAnswer(packet);
    if (packet.startsWith('42["message",')) takeMessage(JSON.parse(packet.slice(2))[1]);
  }

  function takeAnswer(packet) {
    const json = packet.indexOf('[');
    const id = Number(packet.slice(2, json));
    const question = asked.get(id);
    asked.delete(id);
    if (question) question.answered(JSON.parse(packet.slice(json))[0], Date.now() - question.at);
  }

  function takeMessage({ data }) {
    delivered.add(1);
    const said = /^said at (\d+)/.exec(data?.text ?? '');
    if (said) deliveryTime.add(Date.now() - Number(said[1]));
  }

  socket.onmessage = ({ data }) => hear(data);
  socket.onerror = () => check(false, { 'the connection holds': (holds) => holds });
  setTimeout(() => {
    // A timer that is left would keep this iteration from its end.
    if (talk !== undefined) clearInterval(talk);
    socket.close();
  }, STAY_MS);
}
