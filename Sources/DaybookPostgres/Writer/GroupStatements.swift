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

    /// Divides by zero where an event fits one of the questions.
    static let noMatches = Statement(
        "no_matches", "SELECT 1 / (count(*) = 0)::integer FROM (\(matches.sql)) m(position) WHERE position IS NOT NULL")

    static let raiseLargest = Statement(
        "raise_largest", "UPDATE largest_event SET size = greatest(size, $1::bigint)")

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

    static let addEvents = Statement("add_events", insertion)

    private static let insertion = """
        INSERT INTO events (position, stream, version, id, type, schema_version, content_type, recorded_at, size, tags, data,
            metadata)
        SELECT $1::bigint + number, stream, version, id, type, schema_version, nullif(content_type, 'application/json'),
            recorded_at, octet_length(data) + octet_length(metadata), nullif(tags, '{}')::text[], data, metadata
        FROM unnest($2::text[], $3::bigint[], $4::uuid[], $5::text[], $6::bigint[], $7::text[], $8::bigint[], $9::text[],
            $10::bytea[], $11::bytea[])
            WITH ORDINALITY n(stream, version, id, type, schema_version, content_type, recorded_at, tags, data, metadata, number)
        """

    /// Notes the group and adds its events, in one statement. Divides by zero, which undoes everything, where another fence
    /// than `$13` stands in the row of writer `$12`, the log does not end at `$1`, a command of `$15` has a receipt, a stream
    /// of `$16` has events, the server syncs no longer and `$17` does not allow that, or it has no synchronous standby any
    /// more and `$18` does not.
    static let addGuessed = Statement(
        "add_guessed",
        """
        WITH marked AS (
            UPDATE writers SET committed = $14::bigint WHERE id = $12::uuid AND fence = $13::bigint RETURNING 1
        )
        \(insertion)
        WHERE (SELECT 1 / count(*)::integer FROM marked) = 1 AND (
            SELECT 1 / (
                (SELECT coalesce(max(position), 0) FROM events) = $1::bigint
                AND NOT EXISTS (SELECT FROM receipts WHERE command = ANY($15::text[]))
                AND NOT EXISTS (SELECT FROM events WHERE stream = ANY($16::text[]) AND version = 0)
                AND ($17::boolean OR (
                    current_setting('synchronous_commit') IN ('on', 'remote_apply') AND current_setting('fsync') = 'on'))
                AND ($18::boolean OR current_setting('synchronous_standby_names') <> '')
            )::integer
        ) = 1
        """)

    static func events(_ pending: [GroupBasis.Pending], after head: Int64) -> Command {
        addEvents.with { addEvents(pending, after: head, to: &$0) }
    }

    /// The eleven parameters of events that are added.
    static func addEvents(_ pending: [GroupBasis.Pending], after head: Int64, to parameters: inout Parameters) {
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

    static let register = Statement(
        "register", "INSERT INTO writers (id, fence, committed) VALUES ($1::uuid, 0, 0) ON CONFLICT (id) DO NOTHING")
    static let forgetOld = Statement(
        "forget_old", "DELETE FROM writers WHERE opened_at < now() - interval '1 year'")
    static let unregister = Statement("unregister", "DELETE FROM writers WHERE id = $1::uuid")
    static let raiseFence = Statement(
        "raise_fence", "UPDATE writers SET fence = fence + 1 WHERE id = $1::uuid RETURNING fence, committed")
}
#endif
