import DaybookCore
import Testing

@testable import DaybookServer

@Suite("Settings of a server") struct ServerSettingsTests {
    private static func flags() -> SettingsFlags {
        var flags = SettingsFlags()
        flags.set("file", "shop.db")
        flags.set("insecure", true)
        return flags
    }

    private static func failure(
        _ flags: SettingsFlags = ServerSettingsTests.flags(), _ environment: [String: String] = [:], file: String? = nil
    ) -> String {
        do throws(SettingsError) {
            _ = try ServerSettings.read(flags: flags, environment: environment, file: file)
            return "none"
        } catch {
            return error.description
        }
    }

    @Test("have the defaults of the server, where nothing is said")
    func defaults() throws {
        let settings = try ServerSettings.read(flags: Self.flags(), environment: [:], file: nil)
        let configuration = settings.configuration
        #expect(configuration.host == "127.0.0.1")
        #expect(configuration.port == 2_113)
        #expect(configuration.limits == ServerLimits())
        #expect(configuration.healthPolicy == HealthPolicy())
        #expect(configuration.auditLog == nil)
        let lines = settings.lines
        #expect(lines.first == ServerSettings.Line(name: "file", value: "shop.db", origin: "FILE"))
        #expect(lines.contains(ServerSettings.Line(name: "port", value: "2113", origin: "default")))
        #expect(lines.contains(ServerSettings.Line(name: "limits.connections", value: "10000", origin: "default")))
        #expect(Set(lines.map(\.name)).count == lines.count)
        #expect(Set(Setting.all.map(\.variable)).count == lines.count)
    }

    @Test("have defaults that are within their own bounds")
    func bounds() throws {
        for setting in Setting.all {
            guard case .number(_, let bounds) = setting.place else { continue }
            let number = try #require(Int(setting.text(in: ServerSettings())))
            #expect(bounds.contains(number), "\(setting.path)")
        }
    }

    @Test("take a flag before the environment, that before the file, that before the default")
    func precedence() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(
            #"{"port": 1, "host": "::1", "audit": ["a", "b"], "limits": {"connections": 1, "resets": 11, "silent-seconds": 12}}"#,
            to: "server.json")
        let environment = ["DAYBOOK_PORT": "2", "DAYBOOK_LIMITS_CONNECTIONS": "2", "DAYBOOK_LIMITS_RESETS": "22"]
        var flags = SettingsFlags()
        flags.set("file", "shop.db")
        flags.set("without-tls", true)
        flags.set("port", "3")
        try flags.setLimit("connections=3")
        let settings = try ServerSettings.read(flags: flags, environment: environment, file: file)
        #expect(settings.port == 3)
        #expect(settings.host == "::1")
        #expect(settings.configuration.auditedCategories == ["a", "b"])
        #expect(settings.configuration.auditLog == "shop.db.audit.jsonl")
        #expect(settings.limits.rpc.connections == 3)
        #expect(settings.limits.rpc.resets == 22)
        #expect(settings.limits.rpc.silentTime == .seconds(12))
        let origins = Dictionary(uniqueKeysWithValues: settings.lines.map { ($0.name, $0.origin) })
        #expect(origins["port"] == "--port")
        #expect(origins["limits.resets"] == "DAYBOOK_LIMITS_RESETS")
        #expect(origins["limits.silent-seconds"] == "file '\(file)'")
    }

    @Test("have the audit log beside the store's file, which may be named as an address", arguments: ["", "file:"])
    func auditLog(_ scheme: String) throws {
        var flags = SettingsFlags()
        flags.set("file", "\(scheme)/data/shop.db")
        flags.set("without-tls", true)
        flags.set("audit", ["payroll"])
        let settings = try ServerSettings.read(flags: flags, environment: [:], file: nil)
        #expect(settings.configuration.auditLog == "/data/shop.db.audit.jsonl")
    }

    @Test("are in a file that the environment names; a variable without a value is none")
    func environment() throws {
        let folder = try TemporaryFolder()
        let file = try folder.write(#"{"file": "a.db", "insecure": true, "access-log": false}"#, to: "server.json")
        let settings = try ServerSettings.read(
            flags: SettingsFlags(),
            environment: ["DAYBOOK_CONFIG": file, "DAYBOOK_HOST": "", "DAYBOOK_ACCESS_LOG": "yes", "PORT": "1"],
            file: nil)
        #expect(settings.file == "a.db")
        #expect(settings.host == "127.0.0.1")
        #expect(settings.accessLog)
        #expect(settings.port == 2_113)
    }

    @Test("that are wrong are told with where they stand, what stands there, and what to write")
    func wrong() throws {
        var flags = Self.flags()
        flags.set("port", "66000")
        #expect(Self.failure(flags) == "--port: 'port' is '66000': write a whole number from 0 to 65535.")
        #expect(
            Self.failure(Self.flags(), ["DAYBOOK_PORT": "many"])
                == "DAYBOOK_PORT: 'port' is 'many': write a whole number from 0 to 65535.")
        #expect(Self.failure(Self.flags(), ["DAYBOOK_LOG_FORMAT": "xml"]).contains("one of text, json"))
        let folder = try TemporaryFolder()
        for (text, message) in [
            (#"{"port": "2113"}"#, #"'port' is "2113": write a whole number"#),
            (#"{"port": 2113.5}"#, "'port' is 2113.5: write a whole number"),
            (#"{"insecure": 1}"#, "'insecure' is 1: write true or false."),
            (#"{"audit": "a"}"#, #"'audit' is "a": write texts"#),
            (#"{"host": null}"#, "'host' is null: write a text"),
            (#"{"prot": "secret"}"#, "'prot' is no setting; did you mean 'port'"),
            (#"{"limits": {"conections": 5}}"#, "'conections' is no setting; did you mean 'connections'"),
            (#"{"connections": 5}"#, "'connections' is no setting:"),
            (#"{"limits": 5}"#, "'limits' is a number: write an object"),
            (#"{"limits": {"connections": 0}}"#, "'limits.connections' is 0: write a whole number from 1"),
            (#"{"port": 1, "port": 2}"#, "'port' stands there twice"),
            (#"{"limits": {"connections": 5}, "limits": {"resets": 20}}"#, "'limits' stands there twice"),
            (#"{"audit": [{"a": 1}]}"#, "write texts"),
            ("[]", "it is an array"),
            ("{", "it is no JSON"),
        ] {
            let said = Self.failure(file: try folder.write(text, to: "server.json"))
            #expect(said.contains(message), "\(text): \(said)")
            #expect(said.contains("server.json"), "\(said)")
            #expect(!said.contains("secret"))
        }
        #expect(Self.failure(file: folder.file("none.json")).contains("none.json"))
        #expect(
            Self.failure(file: folder.file("none.json"))
                .hasPrefix("The configuration file '\(folder.file("none.json"))', which --config names, does not exist")
        )
        #expect(
            Self.failure(Self.flags(), ["DAYBOOK_CONFIG": folder.file("none.json")])
                .contains("which DAYBOOK_CONFIG names, does not exist"))
    }

    @Test("say what is wrong with a limit")
    func limits() throws {
        for (text, message) in [
            ("connections", "'limit' is 'connections': write its name, = and a number"),
            ("conections=1", "did you mean 'connections'"),
            ("connections=many", "'limits.connections' is 'many'"),
            ("connections=0", "write a whole number from 1 to 1000000"),
        ] {
            var flags = Self.flags()
            do throws(SettingsError) {
                try flags.setLimit(text)
                #expect(Self.failure(flags).contains(message), "\(text)")
            } catch {
                #expect(error.description.contains(message), "\(text)")
            }
        }
        var limits = ServerLimits()
        try limits.set("shutdown-seconds", to: 3)
        #expect(limits.rpc.graceTime == .seconds(3))
        #expect(throws: SettingsError.self) { try limits.set("shutdown-seconds", to: 0) }
        #expect(throws: SettingsError.self) { try limits.set("shutdown", to: 3) }
    }

    @Test("that do not go together are refused")
    func conflicts() {
        #expect(Self.failure(SettingsFlags(), ["DAYBOOK_INSECURE": "true"]).contains("No store is named"))
        let both = Self.failure(Self.flags(), ["DAYBOOK_WITHOUT_TLS": "true"])
        #expect(both.contains("insecure (--insecure), without-tls (DAYBOOK_WITHOUT_TLS)"))
        #expect(Self.failure(Self.flags(), ["DAYBOOK_AUDIT": "payroll"]).contains("nothing to rule or to audit by"))
        #expect(Self.failure(Self.flags(), ["DAYBOOK_TLS_KEY": "key.pem"]).contains("stand together"))
        #expect(Self.failure(Self.flags(), ["DAYBOOK_AUDIT_LOG": "a.jsonl"]).contains("nothing is audited"))
        var flags = Self.flags()
        flags.set("insecure", false)
        #expect(Self.failure(flags).contains("Say how to serve"))
    }

    @Test("are shown without a store and a way to serve, but not where they contradict each other")
    func shown() throws {
        let settings = try ServerSettings.read(
            flags: SettingsFlags(), environment: ["DAYBOOK_PORT": "7"], file: nil, isForServer: false)
        #expect(settings.lines.contains(ServerSettings.Line(name: "file", value: "-", origin: "default")))
        #expect(settings.lines.contains(ServerSettings.Line(name: "port", value: "7", origin: "DAYBOOK_PORT")))
        for environment in [
            ["DAYBOOK_INSECURE": "true", "DAYBOOK_WITHOUT_TLS": "true"], ["DAYBOOK_TLS_KEY": "key.pem"],
        ] {
            #expect(throws: SettingsError.self) {
                try ServerSettings.read(flags: SettingsFlags(), environment: environment, file: nil, isForServer: false)
            }
        }
    }

    @Test("that somebody may have misspelt in the environment are told of")
    func doubtful() throws {
        let settings = try ServerSettings.read(
            flags: Self.flags(), environment: ["DAYBOOK_PROT": "1", "DAYBOOK_STRICT": "1"], file: nil)
        #expect(settings.doubtfulVariables.map(\.name) == ["DAYBOOK_PROT"])
        #expect(settings.doubtfulVariables.map(\.meant) == ["DAYBOOK_PORT"])
    }

    @Test("count letters between names")
    func distance() {
        for (left, right, distance) in [("port", "port", 0), ("prot", "port", 2), ("", "ab", 2), ("a", "bcd", 3)] {
            #expect(Setting.distance(left, right) == distance, "\(left) \(right)")
        }
    }
}
