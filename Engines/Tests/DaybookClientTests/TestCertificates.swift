import Foundation
import Synchronization

/// Keys and certificates that `openssl` makes for a test, in a folder that is gone with it.
final class TestCertificates: Sendable {
    struct Failure: Error { let arguments: [String] }

    private let folder: String
    private let serial = Mutex(0)

    init() throws {
        folder = FileManager.default.temporaryDirectory.path + "/daybook-certificates-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    func file(_ name: String) -> String { "\(folder)/\(name)" }

    func write(_ text: String, to name: String) throws {
        try text.write(toFile: file(name), atomically: true, encoding: .utf8)
    }

    /// - Returns: What it printed.
    @discardableResult
    func openssl(_ arguments: String...) throws -> Data { try openssl(arguments) }

    private func openssl(_ arguments: [String]) throws -> Data {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        let printed = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(arguments: arguments) }
        return printed
    }

    private static let newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]

    /// `name.pem`, an authority, and its key `name.key`.
    func makeAuthority(_ name: String) throws {
        _ = try openssl(
            ["req", "-x509"] + Self.newKey + ["-keyout", "\(name).key", "-out", "\(name).pem"]
                + ["-days", "2", "-subj", "/CN=\(name)"])
    }

    /// `name.pem`, a certificate of an authority, and its key `name.key`.
    ///
    /// - Parameter places: The hosts that it is for, as in `DNS:localhost,IP:127.0.0.1`.
    func make(_ name: String, for places: String, commonName: String = "server", by authority: String) throws {
        let number = serial.withLock { serial in
            serial += 1
            return serial
        }
        try write("subjectAltName=\(places)\n", to: "\(name).ext")
        _ = try openssl(
            ["req"] + Self.newKey + ["-keyout", "\(name).key", "-out", "\(name).csr", "-subj", "/CN=\(commonName)"])
        _ = try openssl(
            ["x509", "-req", "-in", "\(name).csr", "-out", "\(name).pem", "-CA", "\(authority).pem"]
                + ["-CAkey", "\(authority).key", "-set_serial", "\(number)", "-days", "2", "-extfile", "\(name).ext"])
    }
}
