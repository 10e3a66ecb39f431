#if Server
/// What the routes take and answer, for programs: https://spec.openapis.org/oas/v3.1.0. A test holds it against the routes.
enum OpenAPIDocument {
    static let text = #"""
        {
          "openapi": "3.1.0",
          "info": {
            "title": "Daybook",
            "version": "1.0.0",
            "summary": "An event store by HTTP and JSON.",
            "description": "Events in streams, in one order, appended once for good. Errors are problem documents \#
        (RFC 9457)."
          },
          "servers": [{"url": "/"}],
          "security": [{}, {"basic": []}, {"bearer": []}],
          "tags": [
            {"name": "append", "description": "Changing the log."},
            {"name": "read", "description": "Reading it."},
            {"name": "streams", "description": "Streams beside their events."},
            {"name": "server", "description": "The server itself."}
          ],
          "paths": {
            "/v1/append": {
              "post": {
                "operationId": "append",
                "tags": ["append"],
                "summary": "Changes one or several streams: all of it, or nothing.",
                "description": "The events are durable when this is answered. With a commandID it may be repeated \#
        for ever, and has the first result.",
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AppendRequest"}}}
                },
                "responses": {
                  "200": {
                    "description": "It is recorded.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AppendResult"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "409": {"$ref": "#/components/responses/Conflict"},
                  "410": {"$ref": "#/components/responses/Gone"},
                  "413": {"$ref": "#/components/responses/TooLarge"},
                  "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
                  "422": {"$ref": "#/components/responses/Refused"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/v1/streams": {
              "get": {
                "operationId": "listStreams",
                "tags": ["streams"],
                "summary": "Names of streams, in the order in which they were first written.",
                "parameters": [
                  {
                    "name": "after",
                    "in": "query",
                    "description": "Goes on behind this stream.",
                    "schema": {"type": "string", "minLength": 1, "maxLength": 512}
                  },
                  {
                    "name": "limit",
                    "in": "query",
                    "description": "At most so many names.",
                    "schema": {"type": "integer", "minimum": 1, "maximum": 10000, "default": 100}
                  }
                ],
                "responses": {
                  "200": {
                    "description": "A page of names.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/StreamNames"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/v1/streams/{stream}": {
              "parameters": [{"$ref": "#/components/parameters/stream"}],
              "get": {
                "operationId": "readStream",
                "tags": ["read"],
                "summary": "Reads a stream: the events that its retention leaves visible.",
                "parameters": [
                  {
                    "name": "from",
                    "in": "query",
                    "description": "Where to begin: start, end, a version, a position (p120), or a time of RFC \#
        3339; its plus sign is %2B.",
                    "schema": {"type": "string"}
                  },
                  {"$ref": "#/components/parameters/direction"},
                  {"$ref": "#/components/parameters/limit"},
                  {"$ref": "#/components/parameters/type"},
                  {"$ref": "#/components/parameters/typePrefix"},
                  {"$ref": "#/components/parameters/tag"},
                  {"$ref": "#/components/parameters/control"}
                ],
                "responses": {
                  "200": {
                    "description": "Events.",
                    "headers": {
                      "Link": {
                        "description": "The pages beside this one, of the form of CloudEvents.",
                        "schema": {"type": "string"}
                      }
                    },
                    "content": {
                      "application/json": {"schema": {"$ref": "#/components/schemas/StreamPage"}},
                      "application/x-ndjson": {
                        "schema": {"type": "string", "description": "An Event a line, to the end, or to the limit."}
                      },
                      "application/cloudevents-batch+json": {
                        "schema": {"type": "array", "items": {"$ref": "#/components/schemas/CloudEvent"}}
                      }
                    }
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "404": {"$ref": "#/components/responses/NotFound"},
                  "406": {"$ref": "#/components/responses/NotAcceptable"},
                  "410": {"$ref": "#/components/responses/Gone"},
                  "500": {"$ref": "#/components/responses/Damaged"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              },
              "delete": {
                "operationId": "deleteStream",
                "tags": ["streams"],
                "summary": "Hides the events of a stream, which may be written again, or deletes it for good.",
                "parameters": [
                  {
                    "name": "permanently",
                    "in": "query",
                    "description": "For good: no event can be appended to it ever again.",
                    "schema": {"type": "boolean", "default": false}
                  },
                  {"$ref": "#/components/parameters/expected"},
                  {"$ref": "#/components/parameters/actor"},
                  {"$ref": "#/components/parameters/reason"}
                ],
                "responses": {
                  "200": {
                    "description": "It is deleted.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AppendResult"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "404": {"$ref": "#/components/responses/NotFound"},
                  "409": {"$ref": "#/components/responses/Conflict"},
                  "410": {"$ref": "#/components/responses/Gone"},
                  "413": {"$ref": "#/components/responses/TooLarge"},
                  "422": {"$ref": "#/components/responses/Refused"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/v1/streams/{stream}/state": {
              "parameters": [{"$ref": "#/components/parameters/stream"}],
              "get": {
                "operationId": "streamState",
                "tags": ["streams"],
                "summary": "Whether a stream exists, its last version, its retention.",
                "responses": {
                  "200": {
                    "description": "The state, also of a stream that was never written.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/StreamState"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "500": {"$ref": "#/components/responses/Damaged"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/v1/states/{stream}": {
              "parameters": [{"$ref": "#/components/parameters/stream"}],
              "get": {
                "operationId": "foldedState",
                "tags": ["streams"],
                "summary": "The state that a subject has, or had, where the server knows how its stream is folded.",
                "parameters": [
                  {
                    "name": "asOf",
                    "in": "query",
                    "description": "What counts: the events up to a version, a position (p120), or a time of RFC 3339; all when \#
        nothing is said.",
                    "schema": {"type": "string"}
                  }
                ],
                "responses": {
                  "200": {
                    "description": "The state; before the first event, the one to begin with.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/FoldedState"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "404": {"$ref": "#/components/responses/NotFound"},
                  "410": {"$ref": "#/components/responses/Gone"},
                  "500": {"$ref": "#/components/responses/Damaged"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/v1/streams/{stream}/retention": {
              "parameters": [{"$ref": "#/components/parameters/stream"}],
              "put": {
                "operationId": "setRetention",
                "tags": ["streams"],
                "summary": "Replaces a stream's retention: which of its events its readers still see.",
                "parameters": [
                  {"$ref": "#/components/parameters/expected"},
                  {"$ref": "#/components/parameters/actor"},
                  {"$ref": "#/components/parameters/reason"}
                ],
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Retention"}}}
                },
                "responses": {
                  "200": {
                    "description": "It is recorded.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AppendResult"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "409": {"$ref": "#/components/responses/Conflict"},
                  "410": {"$ref": "#/components/responses/Gone"},
                  "413": {"$ref": "#/components/responses/TooLarge"},
                  "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
                  "422": {"$ref": "#/components/responses/Refused"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/v1/receipts/{commandID}": {
              "get": {
                "operationId": "receipt",
                "tags": ["append"],
                "summary": "What became of a command.",
                "parameters": [
                  {
                    "name": "commandID",
                    "in": "path",
                    "required": true,
                    "description": "A slash in it is %2F.",
                    "schema": {"type": "string", "minLength": 1, "maxLength": 512}
                  }
                ],
                "responses": {
                  "200": {
                    "description": "Its first result.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AppendResult"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "404": {"$ref": "#/components/responses/NotFound"},
                  "500": {"$ref": "#/components/responses/Damaged"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/v1/log": {
              "get": {
                "operationId": "readLog",
                "tags": ["read"],
                "summary": "Reads the whole log, in the order of positions.",
                "description": "A filtered page may be empty although more events fit: go on with next.",
                "parameters": [
                  {
                    "name": "from",
                    "in": "query",
                    "description": "Where to begin: start, end, a position, or a time of RFC 3339; its plus sign is \#
        %2B.",
                    "schema": {"type": "string"}
                  },
                  {"$ref": "#/components/parameters/direction"},
                  {"$ref": "#/components/parameters/limit"},
                  {"$ref": "#/components/parameters/category"},
                  {"$ref": "#/components/parameters/streamPrefix"},
                  {"$ref": "#/components/parameters/type"},
                  {"$ref": "#/components/parameters/typePrefix"},
                  {"$ref": "#/components/parameters/tag"},
                  {"$ref": "#/components/parameters/control"}
                ],
                "responses": {
                  "200": {
                    "description": "Events.",
                    "headers": {
                      "Link": {
                        "description": "The pages beside this one, of the form of CloudEvents.",
                        "schema": {"type": "string"}
                      }
                    },
                    "content": {
                      "application/json": {"schema": {"$ref": "#/components/schemas/LogPage"}},
                      "application/x-ndjson": {
                        "schema": {"type": "string", "description": "An Event a line, to the end, or to the limit."}
                      },
                      "application/cloudevents-batch+json": {
                        "schema": {"type": "array", "items": {"$ref": "#/components/schemas/CloudEvent"}}
                      }
                    }
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "406": {"$ref": "#/components/responses/NotAcceptable"},
                  "500": {"$ref": "#/components/responses/Damaged"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/v1/log/follow": {
              "get": {
                "operationId": "followLog",
                "tags": ["read"],
                "summary": "Follows the log: what is recorded, then what comes, as server-sent events.",
                "description": "The id of each is its position, the event its type, the data one Event. An event \#
        '$caught-up' says that everything recorded has come. An id alone says that nothing up to there fits; a \#
        comment is a sign of life.",
                "parameters": [
                  {
                    "name": "after",
                    "in": "query",
                    "description": "Begins behind this position, or at start or end.",
                    "schema": {"type": "string", "default": "start"}
                  },
                  {
                    "name": "Last-Event-ID",
                    "in": "header",
                    "description": "Goes on behind this position; counts before 'after'.",
                    "schema": {"type": "string"}
                  },
                  {
                    "name": "stream",
                    "in": "query",
                    "description": "Only this stream.",
                    "schema": {"type": "string", "minLength": 1, "maxLength": 512}
                  },
                  {"$ref": "#/components/parameters/category"},
                  {"$ref": "#/components/parameters/streamPrefix"},
                  {"$ref": "#/components/parameters/type"},
                  {"$ref": "#/components/parameters/typePrefix"},
                  {"$ref": "#/components/parameters/tag"},
                  {"$ref": "#/components/parameters/control"}
                ],
                "responses": {
                  "200": {
                    "description": "Events, without an end.",
                    "content": {"text/event-stream": {"schema": {"type": "string"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "406": {"$ref": "#/components/responses/NotAcceptable"},
                  "500": {"$ref": "#/components/responses/Damaged"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/v1/cloudevents/{stream}": {
              "parameters": [{"$ref": "#/components/parameters/stream"}],
              "post": {
                "operationId": "appendCloudEvents",
                "tags": ["append"],
                "summary": "Appends events of CloudEvents 1.0, each delivery once for good.",
                "description": "One as JSON, several as an array, or one in the binary form: attributes in headers \#
        that begin with ce-, the data as the body.",
                "parameters": [{"$ref": "#/components/parameters/expected"}],
                "requestBody": {
                  "required": true,
                  "content": {
                    "application/cloudevents+json": {"schema": {"$ref": "#/components/schemas/CloudEvent"}},
                    "application/cloudevents-batch+json": {
                      "schema": {"type": "array", "minItems": 1, "items": {"$ref": "#/components/schemas/CloudEvent"}}
                    },
                    "*/*": {"schema": {}}
                  }
                },
                "responses": {
                  "200": {
                    "description": "They are recorded.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/AppendResult"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "409": {"$ref": "#/components/responses/Conflict"},
                  "410": {"$ref": "#/components/responses/Gone"},
                  "413": {"$ref": "#/components/responses/TooLarge"},
                  "422": {"$ref": "#/components/responses/Refused"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/health": {
              "get": {
                "operationId": "health",
                "tags": ["server"],
                "summary": "How the store is, and how far each consumer has come.",
                "responses": {
                  "200": {
                    "description": "All is well.",
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Health"}}}
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "501": {"$ref": "#/components/responses/NotImplemented"},
                  "503": {
                    "description": "Something is wrong, and the object says what; or the store does not answer.",
                    "content": {
                      "application/json": {"schema": {"$ref": "#/components/schemas/Health"}},
                      "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                    }
                  }
                }
              }
            },
            "/health/live": {
              "get": {
                "operationId": "live",
                "tags": ["server"],
                "summary": "Whether the server runs.",
                "responses": {
                  "200": {
                    "description": "It does.",
                    "content": {
                      "application/json": {
                        "schema": {"type": "object", "required": ["status"], "properties": {"status": {"const": \#
        "live"}}}
                      }
                    }
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"}
                }
              }
            },
            "/health/ready": {
              "get": {
                "operationId": "ready",
                "tags": ["server"],
                "summary": "Whether the store answers.",
                "responses": {
                  "200": {
                    "description": "It does.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "type": "object",
                          "required": ["status", "head"],
                          "properties": {"status": {"const": "ready"}, "head": {"type": "integer", "format": "int64"}}
                        }
                      }
                    }
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/metrics": {
              "get": {
                "operationId": "metrics",
                "tags": ["server"],
                "summary": "The health and what the server counts, as metrics in the text format of Prometheus.",
                "responses": {
                  "200": {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}},
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/version": {
              "get": {
                "operationId": "version",
                "tags": ["server"],
                "summary": "The versions of what the server speaks.",
                "responses": {
                  "200": {
                    "description": "Versions.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "type": "object",
                          "required": ["server", "api", "kurrentdb"],
                          "properties": {
                            "server": {"const": "daybook"},
                            "api": {"type": "string"},
                            "kurrentdb": {"type": "string"}
                          }
                        }
                      }
                    }
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"}
                }
              }
            },
            "/v1/users": {
              "post": {
                "operationId": "createUser",
                "tags": ["server"],
                "summary": "Makes a user.",
                "description": "The first one is made with the token that the server says when it starts, and is an \#
        admin; others are made by admins. Without a password the user shows a certificate.",
                "requestBody": {
                  "required": true,
                  "content": {"application/json": {"schema": {"$ref": "#/components/schemas/NewUser"}}}
                },
                "responses": {
                  "201": {
                    "description": "The user is there.",
                    "content": {
                      "application/json": {
                        "schema": {
                          "type": "object",
                          "required": ["login"],
                          "properties": {"login": {"type": "string"}}
                        }
                      }
                    }
                  },
                  "400": {"$ref": "#/components/responses/BadRequest"},
                  "401": {"$ref": "#/components/responses/Unauthenticated"},
                  "403": {"$ref": "#/components/responses/Forbidden"},
                  "409": {"$ref": "#/components/responses/Conflict"},
                  "413": {"$ref": "#/components/responses/TooLarge"},
                  "415": {"$ref": "#/components/responses/UnsupportedMediaType"},
                  "429": {"$ref": "#/components/responses/TooManyFailures"},
                  "503": {"$ref": "#/components/responses/Unavailable"}
                }
              }
            },
            "/openapi.json": {
              "get": {
                "operationId": "openapi",
                "tags": ["server"],
                "summary": "This document.",
                "responses": {
                  "200": {"description": "This document.", "content": {"application/json": {"schema": {"type": \#
        "object"}}}},
                  "400": {"$ref": "#/components/responses/BadRequest"}
                }
              }
            }
          },
          "components": {
            "securitySchemes": {
              "basic": {"type": "http", "scheme": "basic", "description": "A user and password."},
              "bearer": {"type": "http", "scheme": "bearer", "description": "The token of a server without users."}
            },
            "parameters": {
              "stream": {
                "name": "stream",
                "in": "path",
                "required": true,
                "description": "The name of a stream, such as order-42; a slash in it is %2F.",
                "schema": {"type": "string", "minLength": 1, "maxLength": 512}
              },
              "direction": {
                "name": "direction",
                "in": "query",
                "description": "Which way to read.",
                "schema": {"type": "string", "enum": ["forward", "backward"], "default": "forward"}
              },
              "limit": {
                "name": "limit",
                "in": "query",
                "description": "At most so many events: of a page 1 to 10000, and 100 when left out; of lines any \#
        number.",
                "schema": {"type": "integer", "format": "int64", "minimum": 1}
              },
              "category": {
                "name": "category",
                "in": "query",
                "description": "Only streams of one of these categories.",
                "schema": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 512}},
                "style": "form",
                "explode": true
              },
              "streamPrefix": {
                "name": "streamPrefix",
                "in": "query",
                "description": "Only streams whose names begin with one of these.",
                "schema": {"type": "array", "items": {"type": "string"}},
                "style": "form",
                "explode": true
              },
              "type": {
                "name": "type",
                "in": "query",
                "description": "Only events of one of these types.",
                "schema": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 512}},
                "style": "form",
                "explode": true
              },
              "typePrefix": {
                "name": "typePrefix",
                "in": "query",
                "description": "Only types that begin with one of these.",
                "schema": {"type": "array", "items": {"type": "string"}},
                "style": "form",
                "explode": true
              },
              "tag": {
                "name": "tag",
                "in": "query",
                "description": "Only events with all of these tags.",
                "schema": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 512}},
                "style": "form",
                "explode": true
              },
              "control": {
                "name": "control",
                "in": "query",
                "description": "The store's own events, too: retentions and deletions of streams.",
                "schema": {"type": "boolean", "default": false}
              },
              "expected": {
                "name": "expected",
                "in": "query",
                "description": "What the stream must be at: any, noStream, streamExists or a version.",
                "schema": {"type": "string", "pattern": "^(any|noStream|streamExists|[0-9]{1,18})$"}
              },
              "actor": {
                "name": "actor",
                "in": "query",
                "description": "Who does it, for the metadata.",
                "schema": {"type": "string"}
              },
              "reason": {
                "name": "reason",
                "in": "query",
                "description": "Why, for the metadata.",
                "schema": {"type": "string"}
              }
            },
            "responses": {
              "BadRequest": {
                "description": "The request cannot be understood, or breaks a rule.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "Unauthenticated": {
                "description": "The server asks who calls, and no credentials came, or wrong ones.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "Forbidden": {
                "description": "The user may not do this.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "TooManyFailures": {
                "description": "Too many logins have failed from where the client is.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "NotFound": {
                "description": "There is no such thing.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "NotAcceptable": {
                "description": "The client takes none of the forms there are.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "Conflict": {
                "description": "The stream is not as expected, an event fits the condition, or the command was used \#
        before.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "Gone": {
                "description": "The stream was deleted for good.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "TooLarge": {
                "description": "The request asks for too much at once.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "UnsupportedMediaType": {
                "description": "The body is of another media type.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "Refused": {
                "description": "A read model that belongs to the append refused it.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "Damaged": {
                "description": "What is stored is damaged, or cannot be read.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "NotImplemented": {
                "description": "The store does not tell its health.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              },
              "Unavailable": {
                "description": "The storage failed, or the server is shutting down; mayBeWritten tells whether \#
        events may be there.",
                "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
              }
            },
            "schemas": {
              "NewUser": {
                "type": "object",
                "additionalProperties": false,
                "required": ["login"],
                "properties": {
                  "login": {"type": "string", "pattern": "^[A-Za-z0-9._@+-]{1,128}$"},
                  "password": {"type": "string", "minLength": 8, "maxLength": 256},
                  "fullName": {"type": "string", "maxLength": 128},
                  "groups": {
                    "type": "array",
                    "maxItems": 64,
                    "items": {"type": "string", "pattern": "^[$]?[A-Za-z0-9._@+-]{1,128}$"}
                  }
                }
              },
              "Expected": {
                "description": "What a writer last saw of a stream.",
                "oneOf": [
                  {"type": "string", "enum": ["any", "noStream", "streamExists"]},
                  {"type": "integer", "format": "int64", "minimum": 0}
                ]
              },
              "NewEvent": {
                "type": "object",
                "additionalProperties": false,
                "required": ["type"],
                "description": "Data is a JSON value, kept byte for byte, or bytes in base 64.",
                "not": {"anyOf": [{"required": ["data", "dataBase64"]}, {"required": ["metadata", "metadataBase64"]}]},
                "properties": {
                  "id": {"type": "string", "format": "uuid"},
                  "type": {"type": "string", "minLength": 1, "maxLength": 512},
                  "schemaVersion": {"type": "integer", "minimum": 1, "maximum": 4294967295, "default": 1},
                  "contentType": {"type": "string", "minLength": 1, "maxLength": 512},
                  "data": {},
                  "dataBase64": {"type": "string", "contentEncoding": "base64"},
                  "metadata": {},
                  "metadataBase64": {"type": "string", "contentEncoding": "base64"},
                  "tags": {"type": "array", "maxItems": 32, "items": {"type": "string", "minLength": 1, \#
        "maxLength": 512}}
                }
              },
              "StreamWrite": {
                "type": "object",
                "additionalProperties": false,
                "required": ["stream"],
                "description": "One of events, delete, tombstone and retention. Metadata belongs to the last three.",
                "oneOf": [
                  {"required": ["events"]},
                  {"required": ["delete"]},
                  {"required": ["tombstone"]},
                  {"required": ["retention"]}
                ],
                "properties": {
                  "stream": {"type": "string", "minLength": 1, "maxLength": 512},
                  "expected": {"$ref": "#/components/schemas/Expected"},
                  "events": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 10000,
                    "items": {"$ref": "#/components/schemas/NewEvent"}
                  },
                  "delete": {"const": true},
                  "tombstone": {"const": true},
                  "retention": {"$ref": "#/components/schemas/Retention"},
                  "metadata": {},
                  "metadataBase64": {"type": "string", "contentEncoding": "base64"}
                }
              },
              "AppendRequest": {
                "type": "object",
                "additionalProperties": false,
                "anyOf": [{"required": ["writes"]}, {"required": ["commandID"]}],
                "properties": {
                  "commandID": {"type": "string", "minLength": 1, "maxLength": 512},
                  "writes": {"type": "array", "maxItems": 1000, "items": {"$ref": "#/components/schemas/StreamWrite"}},
                  "checks": {
                    "type": "array",
                    "maxItems": 1000,
                    "items": {
                      "type": "object",
                      "additionalProperties": false,
                      "required": ["stream", "expected"],
                      "properties": {
                        "stream": {"type": "string", "minLength": 1, "maxLength": 512},
                        "expected": {"$ref": "#/components/schemas/Expected"}
                      }
                    }
                  },
                  "condition": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["items"],
                    "description": "Fails when an event that fits an item was recorded after this position.",
                    "properties": {
                      "after": {"type": "integer", "format": "int64", "minimum": 0, "default": 0},
                      "items": {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": 64,
                        "items": {
                          "type": "object",
                          "additionalProperties": false,
                          "properties": {
                            "types": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 512}},
                            "tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 512}}
                          }
                        }
                      }
                    }
                  }
                }
              },
              "AppendResult": {
                "type": "object",
                "required": ["position", "count", "streams", "recordedAt", "repeat"],
                "properties": {
                  "position": {"type": "integer", "format": "int64", "description": "Of the last event."},
                  "count": {"type": "integer", "description": "How many events were recorded."},
                  "streams": {
                    "type": "array",
                    "items": {
                      "type": "object",
                      "required": ["stream", "version"],
                      "properties": {
                        "stream": {"type": "string", "minLength": 1, "maxLength": 512},
                        "version": {"type": ["integer", "null"], "format": "int64"}
                      }
                    }
                  },
                  "recordedAt": {"type": "string", "format": "date-time"},
                  "repeat": {"type": "boolean", "description": "Whether this is the first result again."}
                }
              },
              "Event": {
                "type": "object",
                "required": ["position", "stream", "version", "id", "type", "schemaVersion", "contentType", \#
        "recordedAt"],
                "properties": {
                  "position": {"type": "integer", "format": "int64"},
                  "stream": {"type": "string", "minLength": 1, "maxLength": 514},
                  "version": {"type": "integer", "format": "int64"},
                  "id": {"type": "string", "format": "uuid"},
                  "type": {"type": "string", "minLength": 1, "maxLength": 512},
                  "schemaVersion": {"type": "integer"},
                  "contentType": {"type": "string", "minLength": 1, "maxLength": 512},
                  "recordedAt": {"type": "string", "format": "date-time"},
                  "data": {},
                  "dataBase64": {"type": "string", "contentEncoding": "base64"},
                  "metadata": {},
                  "metadataBase64": {"type": "string", "contentEncoding": "base64"},
                  "tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 512}}
                }
              },
              "StreamPage": {
                "type": "object",
                "required": ["stream", "status", "version", "events", "isAtEnd", "next", "previous"],
                "properties": {
                  "stream": {"type": "string", "minLength": 1, "maxLength": 512},
                  "status": {"const": "live"},
                  "version": {"type": ["integer", "null"], "format": "int64"},
                  "events": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}},
                  "isAtEnd": {"type": "boolean"},
                  "next": {"$ref": "#/components/schemas/Link"},
                  "previous": {"$ref": "#/components/schemas/Link"}
                }
              },
              "LogPage": {
                "type": "object",
                "required": ["events", "isAtEnd", "scannedThrough", "next", "previous"],
                "properties": {
                  "events": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}},
                  "isAtEnd": {"type": "boolean"},
                  "scannedThrough": {
                    "type": "integer",
                    "format": "int64",
                    "description": "Everything up to here was looked at."
                  },
                  "next": {"$ref": "#/components/schemas/Link"},
                  "previous": {"$ref": "#/components/schemas/Link"}
                }
              },
              "Link": {
                "type": ["string", "null"],
                "format": "uri-reference",
                "description": "The address of another page; null when there is none."
              },
              "StreamNames": {
                "type": "object",
                "required": ["streams", "next"],
                "properties": {
                  "streams": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 512}},
                  "next": {"$ref": "#/components/schemas/Link"}
                }
              },
              "FoldedState": {
                "type": "object",
                "required": ["stream", "version", "state"],
                "properties": {
                  "stream": {"type": "string", "minLength": 1, "maxLength": 512},
                  "version": {"type": ["integer", "null"], "format": "int64"},
                  "state": {}
                }
              },
              "StreamState": {
                "type": "object",
                "required": ["stream", "status", "version", "expected", "retention"],
                "properties": {
                  "stream": {"type": "string", "minLength": 1, "maxLength": 512},
                  "status": {"type": "string", "enum": ["missing", "live", "deleted", "tombstoned"]},
                  "version": {"type": ["integer", "null"], "format": "int64"},
                  "expected": {"$ref": "#/components/schemas/Expected"},
                  "retention": {"$ref": "#/components/schemas/Retention"}
                }
              },
              "Retention": {
                "type": "object",
                "additionalProperties": false,
                "description": "What is left out has no bound.",
                "properties": {
                  "maxCount": {"type": "integer", "format": "int64", "minimum": 1},
                  "maxAgeSeconds": {"type": "number", "minimum": 1e-06, "maximum": 9000000000000.0},
                  "truncateBefore": {"type": "integer", "format": "int64", "minimum": 0}
                }
              },
              "CloudEvent": {
                "type": "object",
                "required": ["specversion", "id", "source", "type"],
                "properties": {
                  "specversion": {"const": "1.0"},
                  "id": {"type": "string", "minLength": 1},
                  "source": {"type": "string", "minLength": 1, "format": "uri-reference"},
                  "type": {"type": "string", "minLength": 1, "maxLength": 512},
                  "subject": {"type": "string", "minLength": 1},
                  "time": {"type": "string", "format": "date-time"},
                  "datacontenttype": {"type": "string", "minLength": 1, "maxLength": 512},
                  "data": {},
                  "data_base64": {"type": "string", "contentEncoding": "base64"}
                }
              },
              "Health": {
                "type": "object",
                "required": ["healthy", "health"],
                "properties": {
                  "healthy": {"type": "boolean"},
                  "health": {
                    "type": "object",
                    "required": ["head", "checkedAt", "consumers", "problems"],
                    "properties": {
                      "head": {"type": "integer", "format": "int64"},
                      "checkedAt": {"type": "string", "format": "date-time"},
                      "consumers": {
                        "type": "array",
                        "items": {
                          "type": "object",
                          "required": ["name", "kind", "position", "eventsBehind", "problems"],
                          "properties": {
                            "name": {"type": "string"},
                            "kind": {
                              "type": "string",
                              "enum": ["checkpoint", "readModel", "consumerGroup", "processManager"]
                            },
                            "position": {"type": "integer", "format": "int64"},
                            "eventsBehind": {"type": "integer", "format": "int64"},
                            "secondsBehind": {"type": "number"},
                            "parked": {"type": "integer"},
                            "problems": {"type": "array", "items": {"type": "string"}}
                          }
                        }
                      },
                      "file": {"type": "object"},
                      "problems": {"type": "array", "items": {"type": "string"}}
                    }
                  }
                }
              },
              "Problem": {
                "type": "object",
                "required": ["type", "title", "status", "detail", "code"],
                "description": "RFC 9457; further fields tell what the words tell.",
                "properties": {
                  "type": {"type": "string", "format": "uri"},
                  "title": {"type": "string"},
                  "status": {"type": "integer"},
                  "detail": {"type": "string"},
                  "code": {"type": "string"},
                  "mayBeWritten": {"type": "boolean"},
                  "stream": {"type": "string"},
                  "expected": {"$ref": "#/components/schemas/Expected"},
                  "actual": {"type": ["integer", "null"], "format": "int64"},
                  "after": {"type": "integer", "format": "int64"},
                  "conflict": {"type": "integer", "format": "int64"},
                  "commandID": {"type": "string"},
                  "readModel": {"type": "string"},
                  "limit": {"type": "integer"},
                  "parameter": {"type": "string"},
                  "field": {"type": "string"},
                  "offset": {"type": "integer"}
                }
              }
            }
          }
        }
        """#
}
#endif
