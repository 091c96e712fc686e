import * as z from 'zod';
import { succeed } from '../../protocol/codes.ts';
import { ANNOUNCEMENT_ROUTES } from './announcements.ts';
import { BATCH_ROUTES } from './batch.ts';
import { DELETION_ROUTES } from './deletions.ts';
import { EVENT_ROUTES } from './events.ts';
import { MESSAGE_CHANGE_ROUTES } from './message-changes.ts';
import { MODERATION_ROUTES } from './moderation.ts';
import { type ApiDocument, type ApiFacts, describeApi } from './openapi.ts';
import { PUSH_ROUTES } from './pushes.ts';
import { ROOM_LIST_ROUTES } from './room-list.ts';
import { ROOM_ROUTES } from './rooms.ts';
import { type ApiRoute, route } from './route.ts';
import { USER_ROUTES } from './users.ts';

const probe = route({
  method: 'GET',
  path: '/api',
  operationId: 'probe',
  summary: 'Answers that the server runs.',
  open: true,
  namespaced: false,
  answers: 'text',
  answer: z.literal('.'),
  run: async () => succeed('.' as const),
});

/** Every route of the API, for the server and for the OpenAPI document. */
export function createRoutes(about: ApiFacts): readonly ApiRoute[] {
  // Made when it is first asked for: it is a twentieth of what a worker computes at its start.
  let document: ApiDocument | undefined;
  const openapi = route({
    method: 'GET',
    path: '/api/v1/openapi.json',
    operationId: 'getOpenApi',
    summary: 'This document.',
    namespaced: false,
    answer: z.looseObject({ openapi: z.string() }),
    run: async () => {
      document ??= describeApi(routes, about);
      return succeed(document);
    },
  });
  const routes = [
    probe,
    ...PUSH_ROUTES,
    ...ROOM_LIST_ROUTES,
    ...ROOM_ROUTES,
    ...MESSAGE_CHANGE_ROUTES,
    ...EVENT_ROUTES,
    ...MODERATION_ROUTES,
    ...ANNOUNCEMENT_ROUTES,
    ...USER_ROUTES,
    ...DELETION_ROUTES,
    ...BATCH_ROUTES,
    openapi,
  ];
  return routes;
}
