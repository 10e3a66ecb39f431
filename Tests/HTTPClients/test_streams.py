"""Streams beside their events, CloudEvents that come in, and the server itself."""

import json
import re
import unittest
import uuid

from server import Case, fresh


class Streams(Case):
    def test_state(self):
        stream = fresh()
        self.assertEqual(
            self.get(f"/v1/streams/{stream}/state").json,
            {"stream": stream, "status": "missing", "version": None, "expected": "noStream", "retention": {}},
        )
        self.append(stream, 1, 2)
        state = self.get(f"/v1/streams/{stream}/state").json
        self.assertEqual((state["status"], state["version"], state["expected"]), ("live", 1, 1))

    def test_retention(self):
        stream = fresh()
        self.append(stream, *range(10))
        retention = {"maxCount": 3, "maxAgeSeconds": 3600.25, "truncateBefore": 1}
        answer = self.request("PUT", f"/v1/streams/{stream}/retention?actor=mia&reason=too%20much", retention)
        self.assertEqual(answer.status, 200)
        self.assertEqual(self.get(f"/v1/streams/{stream}/state").json["retention"], retention)
        self.assertEqual([event["data"] for event in self.get(f"/v1/streams/{stream}").json["events"]], [7, 8, 9])
        self.assertEqual(self.request("PUT", f"/v1/streams/{stream}/retention", {}).status, 200)
        self.assertEqual(self.get(f"/v1/streams/{stream}/state").json["retention"], {})
        self.assertEqual(self.request("PUT", f"/v1/streams/{stream}/retention", {"maxCount": 0}).status, 400)
        answer = self.request("PUT", f"/v1/streams/{stream}/retention?expected=3", {"maxCount": 1})
        self.assertEqual(answer.status, 409)

    def test_deletion(self):
        stream = fresh()
        self.assertEqual(self.request("DELETE", f"/v1/streams/{stream}").status, 404)
        self.append(stream, 1)
        self.assertEqual(self.request("DELETE", f"/v1/streams/{stream}").status, 200)
        answer = self.get(f"/v1/streams/{stream}")
        self.assertEqual((answer.status, answer.json["streamStatus"]), (404, "deleted"))
        self.assertEqual(self.append(stream, 2, expected="noStream").json["streams"][0]["version"], 1)
        self.assertEqual(self.request("DELETE", f"/v1/streams/{stream}?permanently=true").status, 200)
        self.assertEqual(self.get(f"/v1/streams/{stream}").status, 410)
        self.assertEqual(self.request("DELETE", f"/v1/streams/{stream}?permanently=true").status, 410)

    def test_names(self):
        names = [fresh("name with / and é") for _ in range(5)]
        for name in names:
            self.append(name, 1)
        found, path = [], "/v1/streams?limit=2"
        while path:
            page = self.get(path).json
            found += page["streams"]
            path = page["next"]
        self.assertEqual([name for name in found if name in names], names)


class CloudEvents(Case):
    def event(self, **more):
        return {"specversion": "1.0", "id": uuid.uuid4().hex, "source": "/shop", "type": "Placed", **more}

    def test_structured_once_for_good(self):
        stream, event = fresh(), self.event(data={"n": 1}, subject="s")
        headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        for repeat in (False, True):
            answer = self.request("POST", f"/v1/cloudevents/{stream}", event, headers)
            self.assertEqual((answer.status, answer.json["repeat"]), (200, repeat))
            self.append(stream, 2)
        read = self.get(f"/v1/streams/{stream}").json["events"]
        self.assertEqual([event["type"] for event in read], ["Placed", "Happened", "Happened"])
        self.assertEqual((read[0]["data"], read[0]["metadata"]["ce-subject"]), ({"n": 1}, "s"))

    def test_batch(self):
        stream = fresh()
        headers = {"Content-Type": "application/cloudevents-batch+json"}
        answer = self.request("POST", f"/v1/cloudevents/{stream}", [self.event(), self.event()], headers)
        self.assertEqual((answer.status, answer.json["count"]), (200, 2))

    def test_binary(self):
        stream = fresh()
        headers = {f"ce-{name}": value for name, value in self.event().items()}
        headers |= {"Content-Type": "image/png", "ce-comexample": "caf%C3%A9"}
        self.assertEqual(self.request("POST", f"/v1/cloudevents/{stream}", b"\x00\x01\xff", headers).status, 200)
        [event] = self.get(f"/v1/streams/{stream}").json["events"]
        self.assertEqual((event["dataBase64"], event["contentType"]), ("AAH/", "image/png"))
        self.assertEqual(event["metadata"]["ce-comexample"], "café")

    def test_what_is_none(self):
        stream = fresh()
        headers = {"Content-Type": "application/cloudevents+json"}
        for body in [{}, [], self.event(specversion="0.3"), self.event(id=""), self.event(data=1, data_base64="AA==")]:
            with self.subTest(body=body):
                answer = self.request("POST", f"/v1/cloudevents/{stream}", body, headers)
                self.assertEqual((answer.status, answer.json["code"]), (400, "malformedCloudEvent"))


class Node(Case):
    def test_health(self):
        self.assertEqual(self.get("/health/live").json, {"status": "live"})
        self.assertEqual(self.get("/health/ready").json["status"], "ready")
        health = self.get("/health")
        self.assertEqual((health.status, health.json["healthy"]), (200, True))
        self.assertEqual(health.json["health"]["consumers"], [])

    def test_metrics(self):
        self.append(fresh(), 1)
        answer = self.get("/metrics")
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        names = {re.split("[{ ]", line)[0] for line in answer.body.decode().splitlines() if not line.startswith("#")}
        self.assertLessEqual(
            {"daybook_healthy", "daybook_head_position", "daybook_wal_bytes", "daybook_append_requests_total",
             "daybook_append_duration_seconds_bucket", "daybook_store_commit_events_count", "daybook_calls_in_hand",
             "process_resident_memory_bytes"}, names)

    def test_the_document_is_json(self):
        document = json.loads(self.get("/openapi.json").body)
        self.assertEqual(document["openapi"], "3.1.0")

    def test_unknown_paths_and_methods(self):
        self.assertEqual(self.get("/v1/nothing").json["code"], "noRoute")
        answer = self.request("PATCH", "/v1/streams/a")
        self.assertEqual(answer.status, 405)
        self.assertEqual(set(answer.headers["Allow"].split(", ")), {"GET", "HEAD", "DELETE"})


if __name__ == "__main__":
    unittest.main()
