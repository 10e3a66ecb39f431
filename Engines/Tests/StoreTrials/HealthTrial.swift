import DaybookCore
import Testing

/// `daybook health` of a store on a server.
public enum HealthTrial {
    public typealias Store = CheckpointStore & EventStore

    /// Expects a consumer to be told with what is behind it, and nothing that only a file has.
    ///
    /// - Parameters:
    ///   - store: It has to be empty.
    ///   - address: Its address, as `daybook` takes it.
    ///   - measured: The address that metrics are asked of, when it is another form.
    /// - Returns: The metrics.
    public static func run(
        on store: some Store, at address: String, measured: String? = nil
    ) async throws -> String {
        let program = try BuiltProgram("daybook")
        for number in 0..<30 {
            try await store.append([NewEvent(type: "Counted", data: [])], to: StreamName(unchecked: "s-\(number)"))
        }
        try await store.save(Checkpoint(after: 10), for: "reader")
        let well = try await program.run("health", address)
        #expect(well.status == 0 && well.output.contains("Healthy: head 30.\n"), "\(well)")
        #expect(well.output.contains("checkpoint  reader"))
        let behind = try await program.run("health", address, "--max-behind", "19", "--json")
        #expect(behind.status == 3 && behind.errors.contains("checkpoint 'reader': It is 20 "), "\(behind)")
        #expect(behind.output.contains(#""eventsBehind":20"#) && !behind.output.contains(#""file""#), "\(behind)")
        let metrics = try await program.run("health", measured ?? address, "--metrics")
        #expect(metrics.status == 0 && !metrics.output.contains("wal_bytes"), "\(metrics)")
        return metrics.output
    }
}
