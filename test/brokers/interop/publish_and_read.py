# Publishes to and reads from a topic with hop-client, so that the layout "hop" is held against the original.
# publish_and_read.py write|read <broker> <topic>

import json
import sys

from hop import Stream
from hop.auth import Auth, SASLMethod
from hop.io import StartPosition
from hop.models import AvroBlob, Blob, ExternalMessage, GCNCircular, GCNTextNotice, JSONBlob, VOEvent

command, broker, topic = sys.argv[1:4]
auth = Auth("hop", "hopsecret", ssl=False, method=SASLMethod.SCRAM_SHA_512)
url = f"kafka://{broker}/{topic}"

if command == "write":
    with Stream(auth=auth).open(url, "w") as stream:
        stream.write(JSONBlob({"n": 1}))
        stream.write(Blob(b"\x00\x01\xff"))
        stream.write(GCNCircular(header={"title": "GCN"}, body="text"))
        stream.write(ExternalMessage("http://example.org/large"))
        stream.write(AvroBlob([{"a": 1}]))
        stream.write({"n": 2}, test=True)
        stream.write(GCNTextNotice.load(b"TITLE: GCN\nRA: 10d\n"))
        stream.write(VOEvent.load(b'<voe:VOEvent xmlns:voe="http://www.ivoa.net/xml/VOEvent/v2.0" ivorn="ivo://a" role="test" version="2.0"><What><Param name="n" value="1"/></What></voe:VOEvent>'))
else:
    with Stream(auth=auth, start_at=StartPosition.EARLIEST, until_eos=True).open(url, "r") as stream:
        for message, metadata in stream.read(metadata=True):
            headers = {name: value.hex() if name == "_id" else value.decode() for name, value in metadata.headers}
            if isinstance(message, GCNCircular):
                shown = {"header": message.header, "body": message.body}
            elif isinstance(message, GCNTextNotice):
                shown = message.fields
            elif isinstance(message, VOEvent):
                shown = {"ivorn": message.ivorn, "role": message.role, "What": message.What}
            else:
                shown = message.content.hex() if isinstance(message.content, bytes) else message.content
            print(json.dumps({"kind": type(message).__name__, "content": shown, "headers": headers}))
