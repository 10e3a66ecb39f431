#include "CFaultFileSystem.h"
