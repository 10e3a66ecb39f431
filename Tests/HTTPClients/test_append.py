"""Appends: everything that a request can say, and what is answered."""

import json
import unittest
import uuid

from server import Case, fresh


class Appends(Case):
    def test_one_event(self):
        stream = fresh()
        answer = self.append(stream, {"size": 10}, expected="noStream")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.json["streams"], [{"stream": stream, "version": 0}])
        self.assertEqual(answer.json["count"], 1)
        self.assertFalse(answer.json["repeat"])

    def test_everything_an_event_has(self):
        stream, identifier = fresh(), str(uuid.uuid4())
        event = {
            "id": identifier,
            "type": "Scanned",
            "schemaVersion": 3,
            "contentType": "image/png",
            "dataBase64": "AAH/",
            "metadata": {"$actor": "mia"},
            "tags": ["owner:17", "shelf:3"],
        }
        self.request("POST", "/v1/append", {"writes": [{"stream": stream, "events": [event]}]})
        [read] = self.get(f"/v1/streams/{stream}").json["events"]
        self.assertEqual({key: read[key] for key in event}, event)

    def test_numbers_keep_their_text(self):
        stream = fresh()
        data = b'{"price": 1.10, "large":12345678901234567890.0e-2}'
        body = b'{"writes":[{"stream":"%s","events":[{"type":"T","data":%s}]}]}' % (stream.encode(), data)
        self.assertEqual(self.request("POST", "/v1/append", body).status, 200)
        self.assertIn(b'"data":' + data, self.get(f"/v1/streams/{stream}").body)

    def test_several_streams_are_one_append(self):
        first, second, limits = fresh(), fresh(), fresh()
        self.append(limits, 1)
        request = {
            "writes": [
                {"stream": first, "expected": "noStream", "events": [{"type": "Out", "data": 5}]},
                {"stream": second, "expected": "any", "events": [{"type": "In", "data": 5}]},
            ],
            "checks": [{"stream": limits, "expected": 0}],
        }
        self.assertEqual(self.request("POST", "/v1/append", request).json["count"], 2)
        request["checks"][0]["expected"] = 7
        request["writes"][0]["expected"] = 0
        answer = self.request("POST", "/v1/append", request)
        self.assertEqual((answer.status, answer.json["stream"], answer.json["actual"]), (409, limits, 0))
        self.assertEqual(self.get(f"/v1/streams/{second}/state").json["version"], 0)

    def test_a_condition(self):
        tag = f"owner:{fresh()}"
        before = self.append(fresh(), 1).json["position"]
        conflict = self.append(fresh(), 1, tags=[tag]).json["position"]
        request = {
            "writes": [{"stream": fresh(), "events": [{"type": "T", "data": 1}]}],
            "condition": {"after": before, "items": [{"types": ["Happened"], "tags": [tag]}]},
        }
        answer = self.request("POST", "/v1/append", request)
        self.assertEqual((answer.status, answer.json["code"]), (409, "conditionFailed"))
        self.assertEqual((answer.json["after"], answer.json["conflict"]), (before, conflict))
        request["condition"]["after"] = conflict
        self.assertEqual(self.request("POST", "/v1/append", request).status, 200)

    def test_a_command_is_recorded_once(self):
        command, stream = f"place {fresh()}/ü", fresh()
        request = {"commandID": command, "writes": [{"stream": stream, "events": [{"type": "T", "data": 1}]}]}
        first = self.request("POST", "/v1/append", request).json
        self.append(stream, 2)
        again = self.request("POST", "/v1/append", request).json
        self.assertTrue(again["repeat"])
        self.assertEqual({**again, "repeat": False}, first)
        path = "/v1/receipts/" + "".join(f"%{byte:02X}" for byte in command.encode())
        self.assertEqual(self.get(path).json["position"], first["position"])
        request["writes"][0]["events"][0]["data"] = 3
        answer = self.request("POST", "/v1/append", request)
        self.assertEqual((answer.status, answer.json["code"]), (409, "commandReused"))

    def test_streams_are_deleted_and_settled_by_requests_too(self):
        first, second, third = fresh(), fresh(), fresh()
        for stream in (first, second, third):
            self.append(stream, 1)
        request = {
            "writes": [
                {"stream": first, "delete": True, "metadata": {"$reason": "law"}},
                {"stream": second, "tombstone": True},
                {"stream": third, "retention": {"maxCount": 5}},
            ]
        }
        self.assertEqual(self.request("POST", "/v1/append", request).status, 200)
        states = [self.get(f"/v1/streams/{stream}/state").json["status"] for stream in (first, second, third)]
        self.assertEqual(states, ["deleted", "tombstoned", "live"])
        self.assertEqual(self.append(second, 1).status, 410)

    def test_problems_are_documents(self):
        stream = fresh()
        answer = self.append(stream, 1, expected=4)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        problem = answer.json
        self.assertEqual(problem["type"], "urn:daybook:problem:wrongExpectedVersion")
        self.assertEqual(problem["status"], 409)
        self.assertEqual((problem["expected"], problem["actual"]), (4, None))
        self.assertIn(stream, problem["detail"])

    def test_what_cannot_be_understood_is_told(self):
        for body, code in [
            (b"", "malformedJSON"),
            (b"{", "malformedJSON"),
            (b'{"writes":[]} {}', "malformedJSON"),
            (b"\xff", "malformedJSON"),
            (b"7", "malformedField"),
            (b'{"writes":7}', "malformedField"),
            (b'{"writes":[{"stream":"a","stream":"b"}]}', "malformedField"),
            (b'{"writes":[{"stream":"a","events":[{"type":"T","data":1,"dataBase64":"AA=="}]}]}', "malformedField"),
            (b'{"writes":[{"stream":"a","events":[{"type":"T","dataBase64":"A"}]}]}', "malformedField"),
            (b'{"writes":[{"stream":"a","expected":-1,"events":[{"type":"T"}]}]}', "malformedField"),
            (b'{"writes":[{"stream":"a","events":[{"type":"T"}],"delete":true}]}', "malformedField"),
            (b"{}", "invalid"),
            (b'{"writes":[{"stream":"$$a","events":[{"type":"T"}]}]}', "invalid"),
            (b"[" * 10_000, "malformedJSON"),
        ]:
            with self.subTest(body=body[:80]):
                answer = self.request("POST", "/v1/append", body)
                self.assertEqual((answer.status, answer.json["code"]), (400, code))

    def test_too_much_at_once_is_refused(self):
        answer = self.append(fresh(), "x" * (1 << 20))
        self.assertEqual((answer.status, answer.json["limit"]), (413, 1 << 20))
        answer = self.append(fresh(), *range(10_001))
        self.assertEqual((answer.status, answer.json["limit"]), (413, 10_000))

    def test_a_large_append_is_taken(self):
        answer = self.append(fresh(), *["x" * 1_000_000] * 16)
        self.assertEqual((answer.status, answer.json["count"]), (200, 16))

    def test_only_json_is_taken(self):
        for type in ["text/plain", "application/x-www-form-urlencoded", ""]:
            answer = self.request("POST", "/v1/append", b"{}", {"Content-Type": type})
            self.assertEqual(answer.status, 415)

    def test_the_acknowledged_outlives_the_server(self):
        stream = fresh()
        self.append(stream, 1)
        self.server.stop()
        self.connection.close()
        type(self).server.start()
        self.setUp()
        self.assertEqual(json.loads(self.get(f"/v1/streams/{stream}").body)["version"], 0)


if __name__ == "__main__":
    unittest.main()
