# Writes a journal with hop-client and prints as JSON what is left in it. It is given the path.
import json
import sys

from hop.robust_publisher import PublicationJournal

journal = PublicationJournal(sys.argv[1])
for number in range(200):
    headers = [("_id", bytes([number])), ("_sender", "Ångström".encode())] if number % 3 == 0 else None
    key = f"key {number}".encode() if number % 5 == 0 else None
    journal.queue_message(bytes(range(number)), f"topic-{number % 2}", headers=headers, key=key)
for number in range(150):
    taken = journal.get_next_message_to_send()[0]
    if number % 4 == 1:
        journal.requeue_message(taken)
    else:
        journal.mark_message_sent(taken)
journal.journal.close()

reread = PublicationJournal(sys.argv[1])
left = []
while reread.has_messages_to_send():
    number, message, topic, headers, key = reread.get_next_message_to_send()
    left.append({
        "sequence": number,
        "topic": topic,
        "message": message.hex(),
        "key": None if key is None else key.hex(),
        "headers": [[name, value.hex()] for name, value in headers],
    })
print(json.dumps(left))
