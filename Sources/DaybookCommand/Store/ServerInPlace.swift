import ArgumentParser

/// `--server URL`, which is the same as the URL in the place of the store.
///
/// A verb's other arguments move up when the store is left out; so the URL is put into its place before they are parsed.
enum ServerInPlace {
    private static let option = "--server"

    /// The verbs in which there is no such place, and what to do instead.
    private static let exceptions = [
        "copy": "A copy has two stores: name each by --from and --to, a server's as daybook://HOST:PORT.",
        "bench":
            "What is measured is the disk, and the store of this machine: run it on the server's machine, without --server.",
        "schema export": "An export of schemas needs the lock alone: leave --server out.",
    ]

    /// - Parameter families: The verbs behind which stands another: `users` of `users add`.
    static func arguments(_ arguments: [String], families: Set<String>) throws(CommandFailure) -> [String] {
        var rest = arguments
        let end = rest.firstIndex(of: "--") ?? rest.endIndex
        let address: String
        if let index = rest[..<end].firstIndex(of: option), index + 1 < end {
            address = rest[index + 1]
            rest.removeSubrange(index...index + 1)
        } else if let index = rest[..<end].firstIndex(where: { $0.hasPrefix(option + "=") }) {
            address = String(rest[index].dropFirst(option.count + 1))
            rest.remove(at: index)
        } else {
            return arguments
        }
        guard let verb = rest.firstIndex(where: { !$0.hasPrefix("-") }) else { return arguments }
        let place = verb + (families.contains(rest[verb]) ? 2 : 1)
        guard place <= rest.count else { return arguments }
        if let instead = exceptions[rest[verb..<place].joined(separator: " ")] { throw CommandFailure(.usage, instead) }
        guard address.hasPrefix("daybook://") else {
            throw CommandFailure(
                .usage, "--server takes the address of a server: daybook://HOST:PORT, with ?tls=false without TLS.")
        }
        rest.insert(address, at: place)
        return rest
    }
}
