"""What a back end does with the client that was generated from openapi.json; prints what it got as JSON."""
import json
import sys

url, key, folder, user, room = sys.argv[1:]
sys.path.insert(0, folder)

import roomcast_api as generated  # noqa: E402
from roomcast_api.rest import ApiException  # noqa: E402

configuration = generated.Configuration()
configuration.host = url
configuration.api_key["X-API-Key"] = key
api = generated.DefaultApi(generated.ApiClient(configuration))


def refused(call, *args, **options):
    try:
        call(*args, **options)
    except ApiException as refusal:
        return {"status": refusal.status, **json.loads(refusal.body)["error"]}
    return None


request = generated.PushRequest(users=[user, "nobody"], entity_type="like", data={"post": 17})
pushed = api.push(request, idempotency_key="like-17")
repeated = api.push(request, idempotency_key="like-17")
said = api.say(generated.SayRequest(text="kettle is on", data=[1]), room)
api.say(generated.SayRequest(text="mine", _from={"userId": "bot", "username": "Bot"}, reply_to=said.seq), room)
api.edit_message(generated.EditMessageRequest(text="kettle is off"), room, said.seq)
api.react_to_message(generated.ReactToMessageRequest(reaction="👍"), room, said.seq)
announced = api.announce(generated.AnnounceRequest(data="tea", rooms=[room]))
entries = api.get_messages(room, limit=10).messages
listed = []
after = {}
while True:
    page = api.list_rooms(limit=1, **after)
    listed += [[one.roomid, one.users] for one in page.rooms]
    if page.next is None:
        break
    after = {"after": page.next}

json.dump(
    {
        "pushed": {name: [one.live, one.stored] for name, one in pushed.reach.items()},
        "repeated": repeated.id == pushed.id,
        "receipt": {name: one.state for name, one in api.get_push(pushed.id).users.items()},
        "rooms_reached": announced.rooms,
        "said": {"seq": said.seq, "id": said.id, "at": said.at, "epoch": said.epoch},
        # This generator makes no object of one of several classes.
        "entries": entries,
        "listed": listed,
        "members": [[one.user_id, one.state] for one in api.list_members(room).members],
        "batch": [one.status for one in api.batch(
            {"requests": [{"method": "GET", "path": "/api/v1/rooms"}, {"method": "GET", "path": "/api/v1/nothing"}]}
        ).results],
        "no_such_push": refused(api.get_push, "nothing"),
        "wrong_field": refused(api.kick_user, generated.KickUserRequest(user_id=" "), room),
    },
    sys.stdout,
)
