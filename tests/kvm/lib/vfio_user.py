# SPDX-License-Identifier: GPL-2.0
"""What a client of nvme-device says: vfio-user messages, registers and NVMe commands."""

import struct

# A message: number, command, size, flags, error.
HEADER = struct.Struct('=HHIII')
VERSION, DMA_MAP, DMA_UNMAP, INFO, REGION_INFO, IRQ_INFO, SET_IRQS = 1, 2, 3, 4, 5, 7, 8
READ, WRITE, RESET, MULTI = 9, 10, 13, 15
ERROR = 1 << 5
BAR0, CONFIG = 0, 7

CC, CSTS, AQA, ASQ, ACQ = 0x14, 0x1c, 0x24, 0x28, 0x30
CC_ENABLE, CC_SHUTDOWN, CC_IOSQES, CC_IOCQES = 1, 1 << 14, 6 << 16, 4 << 20


def to_map(address, size, offset=0):
    """Memory that may be read and written, the payload of DMA_MAP"""
    return struct.pack('=IIQQQ', 32, 3, offset, address, size)


def to_read(offset, size=4, region=BAR0):
    """The payload of READ"""
    return struct.pack('=QII', offset, region, size)


def to_write(offset, value, size=4, region=BAR0):
    """The payload of WRITE"""
    return to_read(offset, size, region) + value.to_bytes(size, 'little')


def command(opcode, cid, prp1=0, prp2=0, nsid=0, cdw10=0, cdw11=0, cdw12=0, flags=0):
    """An entry of a submission queue"""
    return struct.pack('<BBHIQQQQIIIIII', opcode, flags, cid, nsid, 0, 0, prp1, prp2, cdw10,
                       cdw11, cdw12, 0, 0, 0)
