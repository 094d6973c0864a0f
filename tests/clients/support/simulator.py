"""The simulated upstream's records."""

import json
import os
import urllib.request


def chats(marker):
    """The chat requests whose body holds a marker, oldest first."""
    with urllib.request.urlopen(f"{os.environ['SIM_URL']}/_sim/requests?holding={marker}") as answer:
        records = json.load(answer)["requests"]
    return [one for one in records if one["operation"] == "chat"]
