import ArgumentParser
import DaybookProtocol

/// Which group of consumers a verb is about.
struct GroupArgument: ParsableArguments {
    @Argument(help: "The stream that the group reads, or '$all' for the whole log.") var stream: String
    @Argument(help: "The group's name.") var group: String

    var reference: GroupReference { GroupReference(stream: stream, group: group) }
}
