import ArgumentParser

/// The file of a store, for verbs that work where it is and nowhere else.
struct FileArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("The store: the path of its file, or file:PATH.", valueName: "file"), completion: .file(),
        transform: StoreAddress.fileOrServer(_:))
    var address: StoreAddress

    func validate() throws { _ = try path() }

    func path() throws -> String { try Self.path(of: address) }

    static func path(of address: StoreAddress) throws -> String {
        guard let path = address.path else {
            throw ValidationError(
                "'\(address)' is a server, and this verb works on a file that nobody has open: run it on the server's machine "
                    + "when no server runs, or bring the log into a file here, 'daybook copy --from daybook://… --to file:PATH'."
            )
        }
        return path
    }
}
