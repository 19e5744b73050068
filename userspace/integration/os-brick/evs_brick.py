# SPDX-License-Identifier: GPL-2.0-or-later
"""Volumes of OpenStack Cinder as EVS disks: an encryptor for os-brick.

The provider of the encrypted volume type is evs_brick.EvsEncryptor, its control location
front-end. A volume's secret in Barbican is the CMK of its disk. Documentation/openstack.rst
says how to set it up.
"""

import json
import os
import re

from os_brick import exception
from os_brick.encryptors import base
from oslo_concurrency import processutils
from oslo_log import log as logging

LOG = logging.getLogger(__name__)

KMS = 'openstack'               # the section of evs.conf
HEADER_BYTES = 16 * 1024 * 1024
EXIT_NOT_FOUND = 4


class EvsEncryptor(base.VolumeEncryptor):
    """Give the host a volume decrypted, as a disk /dev/evsN."""

    def __init__(self, root_helper, connection_info, keymgr, execute=None, *args, **kwargs):
        super().__init__(root_helper, connection_info, keymgr, execute=execute, *args, **kwargs)
        data = connection_info['data']
        if not data.get('device_path'):
            raise exception.VolumeEncryptionNotSupported(
                volume_id=data.get('volume_id', connection_info.get('serial')),
                volume_type=connection_info.get('driver_volume_type'))
        self.link = data['device_path']

    def _root(self, *command, **kwargs):
        return self._execute(*command, run_as_root=True, root_helper=self._root_helper,
                             **kwargs)[0]

    def _evs(self, *arguments):
        """Run a verb of evs-setup and return the first disk that it prints."""
        out = self._root('evs-setup', *arguments, '--json', '--quiet')
        return json.loads(out).get('disks', [{}])[0]

    def _evs_if_found(self, *arguments):
        """The same, or None where there is no such disk."""
        try:
            return self._evs(*arguments)
        except processutils.ProcessExecutionError as e:
            if e.exit_code != EXIT_NOT_FOUND:
                raise
            return None

    def _refuse_unless_blank(self, device):
        """Volumes are zeros when they are made.

        What is neither an EVS disk nor blank may be one whose header is damaged, and what
        cannot be read may be anything: neither is formatted.
        """
        try:
            self._root('cmp', '--bytes=%d' % HEADER_BYTES, device, '/dev/zero')
        except processutils.ProcessExecutionError as e:
            if e.exit_code != 1:
                raise
            raise exception.BrickException(
                '%s: is neither an EVS disk nor blank: its first 16 MiB are not zeros. '
                'Restore its header (evs-setup header restore), or, to lose what it holds, '
                'zero these 16 MiB' % device) from e

    def attach_volume(self, context, **kwargs):
        """Put the decrypted disk in the place of the volume; format a new volume."""
        key = kwargs.get('encryption_key_id') or self.encryption_key_id
        if not key:
            raise exception.BrickException('%s: the volume has no encryption key' % self.link)
        device = os.path.realpath(self.link)
        # Also where the link names the disk already: that is no volume to look into
        if self._evs_if_found('status', device):
            raise exception.BrickException('%s: is attached already' % device)
        disk = self._evs_if_found('probe', device)
        if not disk:
            self._refuse_unless_blank(device)
            LOG.info('%s is blank: making an EVS disk of it', device)
            # Sectors of 512 bytes: what is on an image has been laid out for them
            self._evs('create', '--kms', KMS, '--cmk', key, '--sector-size', '512', device)
        elif disk['cmk'] != key:
            # A clone: Cinder has copied the secret of its source, which may be gone by now.
            # Before its first use only: whoever attaches it has done this.
            LOG.info('%s is a copy of disk %s: giving it a UUID of its own', device,
                     disk['uuid'])
            self._evs('header', 'new-uuid', '--cmk', key, device)
        disk = self._evs('attach', '--kms', KMS, '--cmk', key, '--name',
                         re.sub(r'.*/', '', self.link)[-63:], device)
        self._root('ln', '--symbolic', '--force', disk['device'], self.link)

    def detach_volume(self, **kwargs):
        """Detach the disk, by its link or by the volume; one that is not attached is none."""
        self._evs_if_found('detach', self.link)

    def extend_volume(self, context, **kwargs):
        """Grow the disk with the volume and return its size in bytes."""
        return self._evs('resize', self.link)['size']
