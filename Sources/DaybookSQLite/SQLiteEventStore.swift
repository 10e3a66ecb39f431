import CSQLite
import DaybookCore
