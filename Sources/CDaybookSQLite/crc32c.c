#include "CDaybookSQLite.h"
