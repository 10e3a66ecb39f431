"""Reads of streams and of the log: pages, lines, CloudEvents."""

import unittest
import urllib.parse

from server import Case, fresh

LINES = "application/x-ndjson"
CLOUD_EVENTS = "application/cloudevents-batch+json"


class Reads(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.category = fresh("cat").replace("-", "")

    def pages(self, path, link="next"):
        while path:
            page = self.get(path).json
            yield page
            path = page[link]

    def data(self, path, link="next"):
        return [event["data"] for page in self.pages(path, link) for event in page["events"]]

    def written(self, count):
        stream = fresh(fresh("c").replace("-", ""))
        self.append(stream, *range(count))
        return stream

    def test_pages_lead_through_a_stream(self):
        stream = self.written(25)
        self.assertEqual(self.data(f"/v1/streams/{stream}?limit=4"), list(range(25)))
        self.assertEqual(self.data(f"/v1/streams/{stream}?limit=4&direction=backward"), list(range(24, -1, -1)))
        self.assertEqual(self.data(f"/v1/streams/{stream}?from=10&limit=100"), list(range(10, 25)))

    def test_pages_lead_back(self):
        stream = self.written(25)
        page = self.get(f"/v1/streams/{stream}?from=10&limit=4").json
        self.assertEqual(self.data(page["previous"]), list(range(9, -1, -1)))
        self.assertIsNone(self.get(f"/v1/streams/{stream}?limit=4").json["previous"])

    def test_pages_lead_through_the_log(self):
        stream = self.written(25)
        category = stream.split("-")[0]
        self.assertEqual(self.data(f"/v1/log?limit=7&category={category}"), list(range(25)))
        self.assertEqual(
            self.data(f"/v1/log?limit=7&direction=backward&streamPrefix={stream}"), list(range(24, -1, -1))
        )

    def test_filters(self):
        tag, stream = f"owner:{fresh()}", fresh()
        self.append(stream, 1, tags=[tag])
        self.append(stream, 2)
        self.append(stream, 3, tags=[tag, "other"], type="Another & more")
        tag = urllib.parse.quote(tag)
        self.assertEqual(self.data(f"/v1/log?tag={tag}"), [1, 3])
        self.assertEqual(self.data(f"/v1/log?tag={tag}&tag=other"), [3])
        self.assertEqual(self.data(f"/v1/log?tag={tag}&type=Happened"), [1])
        self.assertEqual(self.data(f"/v1/streams/{stream}?type=Another+%26%20more"), [3])
        self.assertEqual(self.data(f"/v1/streams/{stream}?typePrefix=Hap&limit=1"), [1, 2])

    def test_places(self):
        stream = fresh()
        answers = [self.append(stream, number).json for number in range(3)]
        position = answers[1]["position"]
        self.assertEqual(self.data(f"/v1/streams/{stream}?from=p{position}"), [1, 2])
        self.assertEqual(self.data(f"/v1/log?from={position}&streamPrefix={stream}"), [1, 2])
        self.assertEqual(self.data(f"/v1/streams/{stream}?from=end"), [2])
        time = urllib.parse.quote(answers[0]["recordedAt"])
        self.assertEqual(self.data(f"/v1/streams/{stream}?from={time}"), [0, 1, 2])
        self.assertEqual(self.data(f"/v1/streams/{stream}?from=2100-01-01"), [])

    def test_lines_go_to_the_end(self):
        stream = fresh()
        for start in range(0, 12_000, 6_000):
            self.append(stream, *range(start, start + 6_000))
        answer = self.get(f"/v1/streams/{stream}", LINES)
        self.assertEqual(answer.headers["Content-Type"], LINES)
        self.assertEqual([line["data"] for line in answer.lines], list(range(12_000)))
        answer = self.get(f"/v1/log?streamPrefix={stream}&limit=701&direction=backward", LINES)
        self.assertEqual([line["data"] for line in answer.lines], list(range(11_999, 11_298, -1)))

    def test_a_client_that_does_not_read_harms_nobody(self):
        stream = fresh()
        for _ in range(8):
            self.append(stream, *["x" * 500_000] * 16)
        slow = self.socket()
        slow.sendall(f"GET /v1/streams/{stream} HTTP/1.1\r\nHost: localhost\r\nAccept: {LINES}\r\n\r\n".encode())
        for _ in range(50):
            self.assertEqual(self.append(fresh(), 1).status, 200)

    def test_cloud_events(self):
        stream = fresh()
        self.append(stream, {"n": 1}, {"n": 2}, {"n": 3})
        answer = self.get(f"/v1/streams/{stream}?limit=2", CLOUD_EVENTS)
        self.assertEqual(answer.headers["Content-Type"], CLOUD_EVENTS)
        first, second = answer.json
        self.assertEqual((first["specversion"], first["type"], first["subject"]), ("1.0", "Happened", stream))
        self.assertEqual((first["data"], second["streamversion"]), ({"n": 1}, "1"))
        self.assertIn('rel="next"', answer.headers["Link"])

    def test_streams_that_are_not_there(self):
        answer = self.get(f"/v1/streams/{fresh()}")
        self.assertEqual((answer.status, answer.json["streamStatus"]), (404, "missing"))
        self.assertEqual(self.get("/v1/streams/%00").status, 400)
        self.assertEqual(self.get("/v1/streams/%FF").status, 400)

    def test_parameters_that_cannot_be_understood(self):
        for query in ["limit=0", "limit=10001", "from=-1", "from=v1", "direction=up", "lmit=1", "limit=1&limit=2", "tag="]:
            with self.subTest(query=query):
                answer = self.get(f"/v1/log?{query}")
                self.assertEqual(answer.status, 400)
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")

    def test_forms_that_are_not_there(self):
        self.assertEqual(self.get("/v1/log", "text/html").status, 406)
        self.assertEqual(self.get("/v1/log", "text/html, */*;q=0.1").status, 200)


if __name__ == "__main__":
    unittest.main()
