#if Postgres
import DaybookCore

/// The statements of a group of appends.
enum GroupStatements {
    // MARK: - Reading

    /// The last position and its time, and the settings that say what a commit means.
    static let end = Statement(
        "end",
        """
        SELECT e.position, e.recorded_at, current_setting('synchronous_commit'), current_setting('fsync'),
            current_setting('synchronous_standby_names')
        FROM (VALUES (1)) one LEFT JOIN LATERAL (
            SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1
        ) e ON true
        """)

    /// For each name: the last version and its event's identifier, the last version of the control stream and its data.
    static let streams = Statement(
        "streams",
        """
        SELECT e.version, e.id, c.version, c.data
        FROM unnest($1::text[]) WITH ORDINALITY n(name, number)
        LEFT JOIN LATERAL (
            SELECT version, id FROM events WHERE stream = n.name ORDER BY version DESC LIMIT 1
        ) e ON true
        LEFT JOIN LATERAL (
            SELECT version, data FROM events WHERE stream = '$$' || n.name ORDER BY version DESC LIMIT 1
        ) c ON true
        ORDER BY n.number
        """)

    static let receipts = Statement(
        "receipts",
        """
        SELECT command, digest, position, event_count, recorded_at, streams, versions
        FROM receipts WHERE command = ANY($1::text[])
        """)

    /// For each question, which is the tags and types of an item and a position: the first event behind it that fits.
    ///
    /// One tag leads to the candidates; the others, and the types, are looked up in the event itself.
    static let matches = Statement(
        "matches",
        """
        SELECT CASE
            WHEN cardinality(q.tags) > 0 THEN (
                SELECT t.position FROM event_tags t
                WHERE t.tag = q.tags[1] AND t.position > q.after AND (
                    (cardinality(q.tags) = 1 AND cardinality(q.types) = 0)
                    OR EXISTS (
                        SELECT FROM events e
                        WHERE e.position = t.position AND e.tags @> q.tags
                            AND (cardinality(q.types) = 0 OR e.type = ANY(q.types))
                    )
                )
                ORDER BY t.position LIMIT 1)
            WHEN cardinality(q.types) > 0 THEN (
                SELECT min(m.position) FROM unnest(q.types) y(type) CROSS JOIN LATERAL (
                    SELECT e.position FROM events e WHERE e.type = y.type AND e.position > q.after
                    ORDER BY e.position LIMIT 1
                ) m)
            ELSE (SELECT min(position) FROM events WHERE position > q.after)
            END
        FROM (
            SELECT tags::text[] AS tags, types::text[] AS types, after, number
            FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY n(tags, types, after, number)
        ) q
        ORDER BY q.number
        """)

    static let places = Statement(
        "places",
        """
        SELECT id, position, recorded_at FROM events
        WHERE stream = $1::text AND version >= $2::bigint AND version < $3::bigint ORDER BY version
        """)

    // MARK: - Writing

    /// Takes the store's lock `$4`, and notes the group in the writer's row. Divides by zero, which undoes everything, where
    /// another fence stands there, the server syncs no longer and `$5` does not allow that, or it has no synchronous standby
    /// any more and `$6` does not. Does neither where the writer has no row; to add the events then divides by zero.
    ///
    /// What the statement knows may be older than the lock, but not what it knows of its own row, which is looked at anew
    /// when it has changed.
    static let markGuess = Statement(
        "mark_guess",
        """
        UPDATE writers SET committed = $3::bigint / (
            pg_advisory_xact_lock($4::bigint)::text = ''
            AND fence = $2::bigint
            AND ($5::boolean OR (
                current_setting('synchronous_commit') IN ('on', 'remote_apply') AND current_setting('fsync') = 'on'))
            AND ($6::boolean OR current_setting('synchronous_standby_names') <> '')
        )::integer
        WHERE id = $1::uuid
        """)

    /// Divides by zero where a command of `$1` has a receipt, or a stream of `$2` has events.
    static let isNew = Statement(
        "is_new",
        """
        SELECT 1 / (
            NOT EXISTS (SELECT FROM receipts WHERE command = ANY($1::text[]))
            AND NOT EXISTS (SELECT FROM events WHERE stream = ANY($2::text[]) AND version = 0)
        )::integer
        """)

    /// Divides by zero where an event fits one of the questions.
    static let noMatches = Statement(
        "no_matches", "SELECT 1 / (count(*) = 0)::integer FROM (\(matches.sql)) m(position) WHERE position IS NOT NULL")

    private static let raiseLargest = Statement(
        "raise_largest", "UPDATE largest_event SET size = $1::bigint WHERE size < $1::bigint")

    /// Sees to it that no event is larger than the database says, since pages are bounded by that; nil when none is larger than it
    /// is known to say. In steps of powers of two, so that it is seldom.
    static func largest(of pending: [GroupBasis.Pending], above known: Int64) -> (size: Int64, command: Command)? {
        let size = Int64(pending.reduce(0) { max($0, $1.event.data.count + $1.event.metadata.count) })
        guard size > known else { return nil }
        let step: Int64 = 1 << (Int64.bitWidth - (size - 1).leadingZeroBitCount)
        return (step, raiseLargest.with { $0.add(step) })
    }

    /// Notes the group in the writer's row; divides by zero, which undoes everything, where another fence stands there.
    static let mark = Statement(
        "mark",
        """
        WITH marked AS (
            UPDATE writers SET committed = $3::bigint WHERE id = $1::uuid AND fence = $2::bigint RETURNING 1
        )
        SELECT 1 / count(*)::integer FROM marked
        """)
    static let divisionByZero = "22012"

    private static let added = """
        INSERT INTO events (position, stream, version, id, type, schema_version, content_type, recorded_at, size, tags, data,
            metadata)
        """

    /// Divides by zero where the log does not end at `$1`, or this group is not noted in the writer's row.
    ///
    /// - Parameter first: The number of the first of two parameters: the writer, NULL for an import, which is not noted, and the
    ///   group.
    private static func atEnd(_ first: Int) -> String {
        """
        1 = 1 / (
            coalesce((SELECT position FROM events ORDER BY position DESC LIMIT 1), 0) = $1::bigint
            AND ($\(first)::uuid IS NULL OR EXISTS (
                SELECT FROM writers WHERE id = $\(first)::uuid AND committed = $\(first + 1)::bigint))
        )::integer
        """
    }

    static let addEvents = Statement(
        "add_events",
        """
        \(added)
        SELECT $1::bigint + number, stream, version, id, type, schema_version, nullif(content_type, 'application/json'),
            recorded_at, octet_length(data) + octet_length(metadata), nullif(tags, '{}')::text[], data, metadata
        FROM unnest($2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::text[],
            $10::bytea[], $11::bytea[])
            WITH ORDINALITY n(stream, version, id, type, schema_version, content_type, recorded_at, tags, data, metadata, number)
        WHERE \(atEnd(12))
        """)

    /// One event costs the server half as much without arrays.
    static let addEvent = Statement(
        "add_event",
        """
        \(added)
        SELECT $1::bigint + 1, $2::text, $3::bigint, $4::uuid, $5::text, $6::bigint, $7::text, $8::bigint, $9::bigint,
            $10::text[], $11::bytea, $12::bytea
        WHERE \(atEnd(13))
        """)

    /// - Parameter group: The writer and the number of its group; nil for an import.
    static func events(
        _ pending: [GroupBasis.Pending], after head: Int64, group: (writer: EventID, number: Int64)?
    ) -> Command {
        var command = pending.count == 1 ? event(pending[0], after: head) : events(pending, after: head)
        if let group {
            command.parameters.add(group.writer)
            command.parameters.add(group.number)
        } else {
            command.parameters.addNull()
            command.parameters.addNull()
        }
        return command
    }

    private static func events(_ pending: [GroupBasis.Pending], after head: Int64) -> Command {
        addEvents.with { parameters in
            parameters.add(head)
            parameters.addArray(of: .text, pending) { $0.append(contentsOf: $1.stream.rawValue.utf8) }
            parameters.addArray(of: .bigint, pending) { $0.append($1.version) }
            parameters.addArray(of: .uuid, pending) { $0.append($1.event.id) }
            parameters.addArray(of: .text, pending) { $0.append(contentsOf: $1.event.type.rawValue.utf8) }
            parameters.addArray(of: .bigint, pending) { $0.append(Int64($1.event.schemaVersion)) }
            parameters.addArray(of: .text, pending) { $0.append(contentsOf: $1.event.contentType.rawValue.utf8) }
            parameters.addArray(of: .bigint, pending) { $0.append($1.recordedAt) }
            parameters.addArray(of: .text, pending) {
                $0.append(contentsOf: $1.event.distinctTags.map(\.rawValue).arrayLiteral.utf8)
            }
            parameters.addArray(of: .bytea, pending) { $0.append(contentsOf: $1.event.data) }
            parameters.addArray(of: .bytea, pending) { $0.append(contentsOf: $1.event.metadata) }
        }
    }

    private static func event(_ added: GroupBasis.Pending, after head: Int64) -> Command {
        let event = added.event
        return addEvent.with { parameters in
            parameters.add(head)
            parameters.add(added.stream.rawValue)
            parameters.add(added.version)
            parameters.add(event.id)
            parameters.add(event.type.rawValue)
            parameters.add(Int64(event.schemaVersion))
            if event.contentType == .json { parameters.addNull() } else { parameters.add(event.contentType.rawValue) }
            parameters.add(added.recordedAt)
            parameters.add(Int64(event.data.count + event.metadata.count))
            if event.tags.isEmpty {
                parameters.addNull()
            } else {
                parameters.addArray(event.distinctTags.map(\.rawValue))
            }
            parameters.add(event.data)
            parameters.add(event.metadata)
        }
    }

    static let addTags = Statement(
        "add_tags", "INSERT INTO event_tags (tag, position) SELECT * FROM unnest($1::text[], $2::bigint[])")

    /// Nil when no event has a tag.
    static func tags(_ pending: [GroupBasis.Pending], after head: Int64) -> Command? {
        var tags: [String] = []
        var positions: [Int64] = []
        for (index, added) in pending.enumerated() where !added.event.tags.isEmpty {
            for tag in added.event.distinctTags {
                tags.append(tag.rawValue)
                positions.append(head + Int64(index) + 1)
            }
        }
        guard !tags.isEmpty else { return nil }
        return addTags.with {
            $0.addArray(tags)
            $0.addArray(positions)
        }
    }

    static let addReceipts = Statement(
        "add_receipts",
        """
        INSERT INTO receipts (command, digest, position, event_count, recorded_at, streams, versions)
        SELECT command, digest, position, event_count, recorded_at, streams::text[], versions::bigint[]
        FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[])
            n(command, digest, position, event_count, recorded_at, streams, versions)
        """)

    /// Nil when no command is to be remembered.
    static func receipts(_ receipts: [(command: CommandID, receipt: Receipt)]) -> Command? {
        guard !receipts.isEmpty else { return nil }
        return addReceipts.with { parameters in
            parameters.addArray(receipts.map(\.command.rawValue))
            parameters.addArray(receipts.map { Int64(bitPattern: $0.receipt.digest) })
            parameters.addArray(receipts.map(\.receipt.result.position.rawValue))
            parameters.addArray(receipts.map { Int64($0.receipt.result.eventCount) })
            parameters.addArray(receipts.map(\.receipt.result.recordedAt.microseconds))
            parameters.addArray(receipts.map { $0.receipt.result.streams.map(\.stream.rawValue).arrayLiteral })
            parameters.addArray(
                receipts.map { receipt in
                    let versions = receipt.receipt.result.streams.map { $0.version.map(\.description) ?? "NULL" }
                    return "{\(versions.joined(separator: ","))}"
                })
        }
    }

    // MARK: - A writer's row

    private static let registration = Statement(
        "register",
        "INSERT INTO writers (id, fence, committed) VALUES ($1::uuid, 0, $2::bigint) ON CONFLICT (id) DO NOTHING")

    /// - Parameter committed: The last group that took effect; -1 where a row that told it is gone.
    static func register(_ writer: EventID, committed: Int64) -> Command {
        registration.with {
            $0.add(writer)
            $0.add(committed)
        }
    }

    static let forgetOld = Statement(
        "forget_old", "DELETE FROM writers WHERE opened_at < now() - interval '1 year'")
    static let unregister = Statement("unregister", "DELETE FROM writers WHERE id = $1::uuid")
    static let raiseFence = Statement(
        "raise_fence", "UPDATE writers SET fence = fence + 1 WHERE id = $1::uuid RETURNING fence, committed")
}
#endif
