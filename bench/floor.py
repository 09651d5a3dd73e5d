"""The floor: query pages, parse them, insert the rows into SQLite, and nothing else. Prints one JSON line.

usage: python -m bench.floor URL CLIENT_ID CLIENT_SECRET DATABASE FIELD,FIELD,...
"""

from __future__ import annotations

import json
import resource
import sqlite3
import sys
import time

import requests


def main() -> None:
    """Read all leads the plainest way."""
    url, client_id, client_secret, database, fields = sys.argv[1:6]
    names = fields.split(",")
    session = requests.Session()
    form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
    token = session.post(f"{url}/services/oauth2/token", data=form, timeout=30).json()["access_token"]
    session.headers["Authorization"] = f"Bearer {token}"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"CREATE TABLE lead (Id TEXT PRIMARY KEY, {', '.join(names)})")  # our own field names
    marks = ",".join("?" * (len(names) + 1))
    began = time.perf_counter()
    query = f"SELECT Id, {', '.join(names)} FROM Lead ORDER BY SystemModstamp, Id"  # noqa: S608
    answer = session.get(f"{url}/services/data/v62.0/query", params={"q": query}, timeout=120).json()
    rows = 0
    while True:
        page = [(row["Id"], *(row[name] for name in names)) for row in answer["records"]]
        with connection:
            connection.executemany(f"INSERT INTO lead VALUES ({marks})", page)  # noqa: S608
        rows += len(page)
        if answer["done"]:
            break
        answer = session.get(url + answer["nextRecordsUrl"], timeout=120).json()
    seconds = time.perf_counter() - began
    connection.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps({"rows": rows, "seconds": seconds, "peak_mb": peak}) + "\n")


if __name__ == "__main__":
    main()
