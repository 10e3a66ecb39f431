import ArgumentParser

/// `daybook users`: who may use a store's server.
struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users",
        abstract: "Say who may use a store's server.",
        discussion: """
            Users are events of the log. These verbs open the file, so that they work while no server does: to make the first \
            admin, or a new password. Of a server that runs, name the address: admins may change its users, and the first one is \
            made with the token that the server says when it starts, in DAYBOOK_TOKEN. The new user's password is read from \
            standard input; that of who asks is in a --password-file or DAYBOOK_PASSWORD, or is asked for on the terminal.

            Groups give rights: $admins all of them, $ops looking after the server, $writers reading and writing streams, \
            $readers reading them, $projectors keeping what is derived from them. Other groups are named in access lists. \
            Write them in single quotes: in others the shell takes $admins for a variable.

            EXAMPLES
              daybook users add shop.db ada --group '$admins'
              daybook users list shop.db
              daybook users password shop.db ada < password.txt
              DAYBOOK_TOKEN=… daybook users add --server daybook://shop.example:2113 ada < password.txt
              daybook users add --server daybook://shop.example:2113 --user ada --password-file ada.txt bob < bob.txt
            """,
        subcommands: [UsersAdd.self, UsersList.self, UsersPassword.self, UsersRemove.self])
}
