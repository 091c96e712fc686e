"""A stock python-socketio client: says what happens to it on its output, and talks all the time."""
import json
import sys
import time

import socketio

url, transport = sys.argv[1:]
client = socketio.Client(reconnection_delay=0.2, reconnection_delay_max=0.5, randomization_factor=0.1)


def tell(**what):
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


@client.on("joined")
def joined(data):
    tell(event="joined", users=data["users"])


@client.on("bye")
def bye(data):
    tell(event="bye", code=data["code"])
    # A client that answers what it is told sends while its session ends.
    for _ in range(20):
        client.emit("typing", {"on": True})


client.connect(url, transports=[transport], wait_timeout=10)
while True:
    time.sleep(0.1)
    if client.connected:
        try:
            client.emit("say", {"text": "here"})
        except socketio.exceptions.BadNamespaceError:
            pass
