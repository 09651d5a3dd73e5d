"""What marks a store that was restored from a backup, until it was compared with the org?"""

RESTORED = "restored"
