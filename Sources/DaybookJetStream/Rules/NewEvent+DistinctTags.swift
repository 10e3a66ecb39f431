#if JetStream
import DaybookCore

extension NewEvent {
    /// The tags in their order, without those that were named before.
    var distinctTags: [Tag] {
        guard tags.count > 1 else { return tags }
        var distinct: [Tag] = []
        for tag in tags where !distinct.contains(tag) { distinct.append(tag) }
        return distinct
    }
}
#endif
