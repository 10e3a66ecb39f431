#if Server
import Configuration

extension ServerSettings {
    /// The variable of the environment that names the file, when no flag does.
    public static let fileVariable = Setting.variablePrefix + "CONFIG"
    private static let fileFlag = "--config"

    /// Reads what holds: flags before the environment, the environment before the file, the file before the defaults.
    ///
    /// - Parameters:
    ///   - environment: All variables; those whose names begin otherwise are passed over.
    ///   - path: Of the file; nil for the one that the environment names, or none.
    ///   - isForServer: Whether a server is to run by them, which needs a store and a way to serve. To show them, neither is.
    public static func read(
        flags: SettingsFlags, environment: [String: String], file path: String?, isForServer: Bool = true
    ) throws(SettingsError) -> ServerSettings {
        let variables = environment.filter { $0.key.hasPrefix(Setting.variablePrefix) && !$0.value.isEmpty }
        var sources: [any SettingsSource] = [
            FlagSource(provider: try flags.provider(), texts: flags.texts),
            EnvironmentSource(variables: variables),
        ]
        if let path {
            sources.append(FileSource(file: try SettingsFile(path: path, namedBy: fileFlag)))
        } else if let path = variables[fileVariable] {
            sources.append(FileSource(file: try SettingsFile(path: path, namedBy: fileVariable)))
        }
        var settings = ServerSettings()
        for setting in Setting.all {
            for source in sources {
                guard let content = try source.content(of: setting) else { continue }
                guard setting.set(content, in: &settings) else {
                    throw .wrong(
                        name: setting.path, source: source.name(of: setting), value: source.text(of: setting),
                        wanted: setting.place.wanted)
                }
                settings.origins[setting.path] = source.name(of: setting)
                break
            }
        }
        settings.doubtfulVariables = doubtful(variables)
        try settings.check(isForServer: isForServer)
        return settings
    }

    /// Variables that are no settings' and look as if somebody had meant them to be. Others are of other programs.
    private static func doubtful(_ variables: [String: String]) -> [(name: String, meant: String)] {
        let known = Set(Setting.all.map(\.variable) + [fileVariable])
        return variables.keys.sorted().compactMap { name in
            guard !known.contains(name), let meant = known.sorted().first(where: { Setting.distance($0, name) <= 2 })
            else { return nil }
            return (name, meant)
        }
    }
}

/// Where settings are said.
private protocol SettingsSource: Sendable {
    /// Nil when it does not say this one.
    func content(of setting: Setting) throws(SettingsError) -> ConfigContent?
    /// For messages: where the setting stands.
    func name(of setting: Setting) -> String
    /// For messages: what stands there.
    func text(of setting: Setting) -> String
}

extension SettingsSource {
    /// - Throws: ``SettingsError/wrong(name:source:value:wanted:)`` where the provider cannot make the type of what is there.
    fileprivate func content(
        of setting: Setting, in lookup: (ConfigType) throws -> LookupResult
    ) throws(SettingsError) -> ConfigContent? {
        do { return try lookup(setting.place.type).value?.content } catch {
            throw .wrong(
                name: setting.path, source: name(of: setting), value: text(of: setting), wanted: setting.place.wanted)
        }
    }
}

private struct FlagSource: SettingsSource {
    let provider: InMemoryProvider
    let texts: [String: [String]]

    func content(of setting: Setting) throws(SettingsError) -> ConfigContent? {
        try content(of: setting) { try provider.value(forKey: setting.key, type: $0) }
    }

    func name(of setting: Setting) -> String { setting.flag }

    func text(of setting: Setting) -> String { "'\((texts[setting.path] ?? []).joined(separator: ",").prefix(80))'" }
}

private struct EnvironmentSource: SettingsSource {
    let variables: [String: String]
    private let provider: EnvironmentVariablesProvider

    init(variables: [String: String]) {
        self.variables = variables
        provider = EnvironmentVariablesProvider(environmentVariables: variables)
    }

    func content(of setting: Setting) throws(SettingsError) -> ConfigContent? {
        try content(of: setting) { try provider.value(forKey: setting.key.prepending(["daybook"]), type: $0) }
    }

    func name(of setting: Setting) -> String { setting.variable }

    func text(of setting: Setting) -> String { "'\((variables[setting.variable] ?? "").prefix(80))'" }
}

private struct FileSource: SettingsSource {
    let file: SettingsFile

    func content(of setting: Setting) throws(SettingsError) -> ConfigContent? {
        try content(of: setting) { try file.snapshot.value(forKey: setting.key, type: $0) }
    }

    func name(of setting: Setting) -> String { file.source }

    func text(of setting: Setting) -> String { file.texts[setting.path] ?? "" }
}
#endif
