import Daybook

/// The kinds of subjects that events are tagged with, so that events and decisions spell them the same.
enum Tags {
    static let account = TagKey<AccountID>("account")
    static let owner = TagKey<OwnerID>("owner")
    static let order = TagKey<OrderID>("order")
}
