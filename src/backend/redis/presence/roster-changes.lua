-- A prelude of the scripts that change who is in a room, after clock.lua, publish-frame.lua and roster-room.lua: notifies the room's members.
-- KEYS[5] the last notification (hash: rev, at, counted, users, clients; named: when names followed counts; until: changes
--   wait until then; partly: somebody may have got a part of the list meanwhile)
-- KEYS[6] pending changes (hash user id -> sign and the person's JSON): '+' came, '=' has another name or avatar, '-' left
-- ARGV[4] channel, '' for a textmsg audience, whose users are not announced to each other
-- ARGV[5] the frame before the event's name   ARGV[6] the frame after its payload
-- ARGV[7] the room's id as JSON   ARGV[8] the most connections in the room, and changes at once, that are announced by name
-- ARGV[9] ms for which changes wait, because the server may have lost the roster, 0 if it has not
-- ARGV[10] '1' if the roster MUST list this instance in the room, unless the roster was lost
-- ARGV[11] ms for which changes wait once a call shows that the roster was lost
-- The changes are collected here and not at the workers, so that all members get the same changes under the same number.

local NOTIFY_EVERY_MS = 1000
-- Names after counts make every member fetch the list; one user who joins and leaves must not cause that every second.
local NAMES_AGAIN_EVERY_MS = 10000

local function personJson(id, person)
  local name, avatar = string.match(person, '^%d+%z([^%z]*)%z?(.*)$')
  local json = '{"userId":' .. cjson.encode(id) .. ',"username":' .. cjson.encode(name)
  if avatar ~= '' then
    json = json .. ',"avatar":' .. cjson.encode(avatar)
  end
  return json .. '}'
end

-- Adds a change to the pending ones. A join and a leave that are both still pending cancel each other out.
local function addChange(sign, id, person)
  if ARGV[4] == '' then
    return
  end
  local json = personJson(id, person)
  local pending = redis.call('HGET', KEYS[6], id)
  local before = pending and string.sub(pending, 1, 1)
  if before == '+' and sign == '-' then
    redis.call('HDEL', KEYS[6], id)
    return
  elseif before == '+' then
    sign = '+'
  elseif before == '-' and sign ~= '-' then
    if string.sub(pending, 2) == json then
      redis.call('HDEL', KEYS[6], id)
      return
    end
    sign = '='
  end
  -- `pcall`, because a full Redis rejects this write, and the departure must still be returned.
  redis.pcall('HSET', KEYS[6], id, sign .. json)
end

-- Forgets a change that did not happen: another instance had the user in the room all the time.
local function dropChange(id)
  if ARGV[4] ~= '' then
    redis.call('HDEL', KEYS[6], id)
  end
end

local function publish(event, rev, payload)
  local head = '",{"roomid":' .. ARGV[7] .. ',"rev":' .. string.format('%.0f', rev) .. ','
  publishFrame(ARGV[4], ARGV[5] .. event .. head .. payload .. '}' .. ARGV[6])
end

local function publishDiff(rev, changes)
  local joins, leaves = {}, {}
  for index = 2, #changes, 2 do
    local list = string.sub(changes[index], 1, 1) == '-' and leaves or joins
    list[#list + 1] = string.sub(changes[index], 2)
  end
  publish('presence:diff', rev, '"joins":[' .. table.concat(joins, ',') .. '],"leaves":[' .. table.concat(leaves, ',') .. ']')
end

-- Publishes that a user joined or left, except in a room that is too large for names. The step that makes it true publishes
-- it, because a worker whose reply is lost cannot.
local function publishEvent(event, clients, json)
  if ARGV[4] == '' or clients > tonumber(ARGV[8]) then
    return
  end
  local message = 'message",{"event":"' .. event .. '","roomid":' .. ARGV[7] .. ',"data":' .. json .. '}'
  publishFrame(ARGV[4], ARGV[5] .. message .. ARGV[6])
end

-- A new name is no event.
local function publishHeldBack(changes)
  local _, clients = countRoom()
  for index = 2, #changes, 2 do
    local sign = string.sub(changes[index], 1, 1)
    if sign ~= '=' then
      publishEvent(sign == '+' and 'join' or 'broadcast_quit', clients, string.sub(changes[index], 2))
    end
  end
end

-- After a loss, the workers report their users again one by one. Until all have done so, nobody can tell who came or left in
-- truth. So changes wait and cancel each other out: the first call after that time publishes what is left.
local SETTLE_MS = tonumber(ARGV[11])
local settlesAt

local function msUntilTurn(now, lastTurn, every)
  local since = now - lastTurn
  return since >= 0 and since < every and every - since or 0
end

-- Publishes the pending changes, at most once a second unless it must be `atOnce`. Returns the ms until the room's next turn, 0 when nothing is pending.
-- `rev` starts at the time, so that a room that was empty and forgotten goes on with higher numbers. It rises by 1, and by 2
-- when names follow counts, which name nobody: the gap makes whoever keeps the list of names fetch it. In a room small enough
-- for names, counts go out alone for a while, and the names follow even if nothing changes any more. A gap also follows if
-- somebody may have got a part of the list.
local function notifyRoom(users, clients, atOnce)
  if settlesAt then
    redis.call('PEXPIRE', KEYS[6], ARGV[3])
    return math.max(1, settlesAt - clock())
  end
  if users == 0 then
    redis.call('DEL', KEYS[5], KEYS[6])
    return 0
  end
  if ARGV[4] == '' then
    return 0
  end
  local most = tonumber(ARGV[8])
  local pendingCount = redis.call('HLEN', KEYS[6])
  local last = redis.call('HMGET', KEYS[5], 'rev', 'at', 'counted', 'users', 'clients', 'named', 'partly')
  local partly = last[7] == '1'
  local namesDue = last[3] == '1' and (tonumber(last[5] or '') or 0) <= most and clients <= most
  if pendingCount == 0 and not namesDue and not partly then
    return 0
  end
  local now = clock()
  local named = tonumber(last[6] or '') or 0
  local namesIn = msUntilTurn(now, named, NAMES_AGAIN_EVERY_MS)
  local wait = msUntilTurn(now, tonumber(last[2] or '') or 0, NOTIFY_EVERY_MS)
  if pendingCount == 0 and not partly then
    wait = math.max(wait, namesIn)
  end
  if wait > 0 and not atOnce then
    redis.call('PEXPIRE', KEYS[6], ARGV[3])
    return wait
  end
  local tooSoonForNames = last[3] == '1' and namesIn > 0
  local counting = clients > most or pendingCount > most or tooSoonForNames
  local rev = (tonumber(last[1] or '') or math.floor(now / 1000) - 1) + 1
  if counting then
    if last[3] ~= '1' or last[4] ~= tostring(users) or last[5] ~= tostring(clients) then
      publish('presence:count', rev, '"users":' .. users .. ',"clients":' .. clients)
    else
      rev = rev - 1
    end
  else
    if last[3] == '1' or partly then
      rev = rev + 1
      named = now
    end
    publishDiff(rev, redis.call('HGETALL', KEYS[6]))
  end
  redis.call('DEL', KEYS[6])
  redis.call('HDEL', KEYS[5], 'partly')
  local counted = counting and '1' or '0'
  redis.pcall('HSET', KEYS[5], 'rev', string.format('%.0f', rev), 'at', string.format('%.0f', now), 'counted', counted, 'users', users, 'clients', clients, 'named', string.format('%.0f', named))
  redis.call('PEXPIRE', KEYS[5], ARGV[3])
  return counting and clients <= most and math.max(NOTIFY_EVERY_MS, namesIn) or 0
end

-- The caller runs it before it changes anything.
local function openChanges()
  if ARGV[4] == '' then
    return
  end
  local wait = tonumber(ARGV[9])
  if ARGV[10] == '1' and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then
    wait = SETTLE_MS
  end
  settlesAt = tonumber(redis.call('HGET', KEYS[5], 'until') or '')
  if not settlesAt and wait == 0 then
    return
  end
  local now = clock()
  -- A time that is far ahead was set by a clock that has been set back since.
  if settlesAt and (settlesAt <= now or settlesAt > now + 2 * SETTLE_MS) then
    publishHeldBack(redis.call('HGETALL', KEYS[6]))
    redis.call('HDEL', KEYS[5], 'until')
    settlesAt = nil
  end
  -- What is pending before has been announced.
  if not settlesAt and wait > 0 then
    local users, clients = countRoom()
    notifyRoom(users, clients, true)
  end
  if now + wait > (settlesAt or now) then
    settlesAt = now + wait
    -- The instance of a lost user may die before it reports again. Nobody announces that departure, so a gap must make
    -- whoever keeps the list of names fetch it.
    redis.pcall('HSET', KEYS[5], 'until', string.format('%.0f', settlesAt), 'partly', '1')
    redis.call('PEXPIRE', KEYS[5], ARGV[3])
  end
end
