"""A plain HTTP client for the emulated org's tests."""

from __future__ import annotations

from typing import Any

import requests

from syncd.sandbox.local import RunningOrg

BASE = "/services/data/v62.0"
NO_RULES = {"Sforce-Auto-Assign": "FALSE"}
ADA = {"LastName": "Lovelace", "FirstName": "Ada", "Company": "Engines", "Email": "ada@engines.example"}


class Client:
    """Logs in once and speaks REST."""

    def __init__(self, served: RunningOrg) -> None:
        self.served = served
        self.org = served.org
        self.session = requests.Session()
        self.log_in()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.session.close()

    def log_in(self) -> dict[str, Any]:
        answer = self.session.post(
            self.served.url + "/services/oauth2/token",
            data={"grant_type": "client_credentials"},
            auth=("sandbox-client", "sandbox-secret"),
        )
        facts: dict[str, Any] = answer.json()
        self.session.headers["Authorization"] = "Bearer " + facts["access_token"]
        return facts

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        url = path if path.startswith("http") else self.served.url + (path if path.startswith("/serv") else BASE + path)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.session.request(method, url, json=body, headers=named)

    def query(self, statement: str, *, every: bool = False, **headers: str) -> dict[str, Any]:
        answer = self.session.get(
            self.served.url + BASE + ("/queryAll" if every else "/query"),
            params={"q": statement},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def rows(self, statement: str, *, every: bool = False) -> list[dict[str, Any]]:
        return [
            {name: value for name, value in row.items() if name != "attributes"}
            for row in self.query(statement, every=every)["records"]
        ]

    def create(self, sobject: str, **fields: Any) -> str:
        answer = self.call("POST", f"/sobjects/{sobject}", fields, **NO_RULES)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def lead(self, **fields: Any) -> str:
        return self.create("Lead", **(ADA | fields))

    def update(self, sobject: str, record_id: str, **fields: Any) -> None:
        answer = self.call("PATCH", f"/sobjects/{sobject}/{record_id}", fields, **NO_RULES)
        assert answer.status_code == 204, answer.text

    def get(self, sobject: str, record_id: str) -> dict[str, Any]:
        answer = self.call("GET", f"/sobjects/{sobject}/{record_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def edit(self, op: str, sobject: str, record_id: str = "", **fields: Any) -> dict[str, Any]:
        [result] = self.org.edit([{"op": op, "object": sobject, "id": record_id, "fields": fields}])
        return result

    def opportunity(self, **fields: Any) -> str:
        return self.create(
            "Opportunity", **({"Name": "Engine", "StageName": "Prospecting", "CloseDate": "2026-04-30", "Amount": 1000} | fields)
        )
