import Testing

@testable import DaybookCommand

@Suite("The option --server")
struct ServerInPlaceTests {
    private static let address = "daybook://h:1"

    private func moved(_ arguments: [String]) throws -> [String] {
        try ServerInPlace.arguments(arguments, families: ["users", "schema"])
    }

    @Test(
        "puts its address into the place of the store, wherever it stands",
        arguments: [
            (["read", "--server", address], ["read", address]),
            (["read", "--limit", "3", "--server", address], ["read", address, "--limit", "3"]),
            (["--server", address, "read", "--json"], ["read", address, "--json"]),
            (["backup", "copy.db", "--server=\(address)"], ["backup", address, "copy.db"]),
            (["users", "add", "ada", "--server", address], ["users", "add", address, "ada"]),
            (["users", "--server", address, "add", "ada"], ["users", "add", address, "ada"]),
        ])
    func moves(_ arguments: [String], _ expected: [String]) throws {
        #expect(try moved(arguments) == expected)
    }

    @Test(
        "leaves alone what is not its own",
        arguments: [
            ["read", "a.db"], ["read", "--server"], ["users", "--server", address], ["read", "--", "--server", "x"],
        ])
    func leaves(_ arguments: [String]) throws { #expect(try moved(arguments) == arguments) }

    @Test(
        "is refused where a store has no place, and for what is no server's address",
        arguments: [
            ["copy", "--from", "file:a", "--server", address], ["bench", "--server", address],
            ["schema", "export", "--server", address], ["read", "--server", "a.db"], ["read", "--server", "http://h"],
        ])
    func refuses(_ arguments: [String]) {
        #expect(throws: CommandFailure.self) { try moved(arguments) }
    }

    @Test("and an address are shown without what is secret")
    func shows() throws {
        for text in ["daybook://ada:pass@word@h:1?tls=false", "daybook://h:1/", "daybook://h:1?tlsCaFile=/a@b"] {
            let address = try StoreAddress(orPath: text)
            #expect(address.description == "daybook://h:1" && address.label == "daybook://h:1")
            #expect(address.server == text && address.path == nil)
        }
        #expect(try StoreAddress(orPath: "shop.db").path == "shop.db")
        #expect(try StoreAddress(orPath: "file:daybook:1").path == "daybook:1")
    }
}
